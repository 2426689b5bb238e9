"""Explanations: their documents, which server and client share, and what the client makes of a response.

| file | what |
|---|---|
| `schemas.py` | the documents, as JSON has them |
| `options.py` | the query of a request, and how many series fit into one |
| `results.py` | the explanations of any number of series, a column for each field |
"""
