"""Loads of one replica for `timeseries-server capacity`, and a check of its forecasts.

`--measure FILE` loads one replica, on a CPU core of its own, at rising shares of its peak rate, and writes a
record. Without it, forecasts of a record are compared with one and two replicas behind HAProxy.
"""
