"""The app of a tutorial: a typed body and `model.predict`.

Run as `uvicorn benchmarks.peers.apps.naive_app:app`.
"""

import os
from pathlib import Path

import keras
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = keras.saving.load_model(Path(os.environ["MODEL_FOLDER"]) / "model.keras", compile=False)


class Body(BaseModel):
    """Series to classify."""

    instances: list[list[float]]


@app.post("/predict")
async def predict(body: Body) -> dict[str, list[list[float]]]:
    """Class probabilities of each series."""
    series = np.array(body.instances, np.float32)[..., np.newaxis]
    answer = model.predict(series, verbose=0)
    # A model with several outputs returns a list or a dictionary; probabilities are first.
    if isinstance(answer, dict):
        answer = answer.get("probabilities", next(iter(answer.values())))
    elif isinstance(answer, list):
        answer = answer[0]
    return {"probabilities": answer.tolist()}


@app.get("/health")
async def health() -> dict[str, bool]:
    """200 once the model is loaded."""
    return {"ok": True}
