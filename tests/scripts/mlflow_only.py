"""Fit a line with NumPy and track it with MLflow alone: a parameter, metrics, a dataset, an artifact, two runs.

Nothing in it knows of Cognify.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd


def main() -> None:
    """Fit, log, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--uri", help="Where to track, if not where MLflow does by itself.")
    arguments = parser.parse_args()
    if arguments.uri:
        mlflow.set_tracking_uri(arguments.uri)
    mlflow.set_experiment("lines")
    rows = pd.read_parquet(arguments.data)
    for degree in (1, 2):
        with mlflow.start_run(run_name=f"degree {degree}"):
            mlflow.log_param("degree", degree)
            mlflow.log_input(mlflow.data.from_pandas(rows, source=arguments.data), context="training")
            fitted = np.polyfit(rows["x"], rows["y"], degree)
            for step, weight in enumerate(fitted):
                mlflow.log_metric("weight", float(weight), step=step)
            Path("line.txt").write_text(" ".join(f"{weight:.6f}" for weight in fitted), "utf-8")
            mlflow.log_artifact("line.txt")
    found = mlflow.search_runs(order_by=["attributes.start_time"])
    print(mlflow.get_tracking_uri(), type(mlflow.tracking.MlflowClient()).__name__)
    print(found[["params.degree", "metrics.weight", "status"]].to_string(index=False))


if __name__ == "__main__":
    main()
