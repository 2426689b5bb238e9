"""Whether the series that are served are like those that the model was trained on.

| module | what it has |
|---|---|
| `sums` | the sums and counts of some series, as one vector that can be added |
| `independence` | which series are counted: no overlapping windows, no repetitions |
| `measuring` | the sums of the series of a request |
| `bets`, `wealth` | the alarm |
| `storage` | the sums of all workers |
| `monitor` | start, sliding window, alarm, reset |
| `report` | the figures of `GET /drift` |
| `collector` | the same for Prometheus |
"""
