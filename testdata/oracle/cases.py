"""Writes varied inputs, made from this directory's CSV files, and their expected.json.

    python3 cases.py OUTPUT_DIR

Ties, tiny samples (exact Mann-Whitney), shuffled rows, missing values, workers
without a GPU, string config ids, a third engine, failed tasks, other spellings,
several core counts in one configuration, jitter, duplicates, many workers.
"""
import os
import sys

import numpy as np
import pandas as pd

import generate

HERE = os.path.dirname(os.path.abspath(__file__))
read = lambda f: pd.read_csv(os.path.join(HERE, f), float_precision="round_trip")
tasks, samples, scaling = read("task_metrics.csv"), read("resource_samples.csv"), read("scaling.csv")
rng = np.random.default_rng(3)


def case(name, t, r, s):
    directory = os.path.join(sys.argv[1], name)
    os.makedirs(directory)
    for file, frame in (("task_metrics.csv", t), ("resource_samples.csv", r), ("scaling.csv", s)):
        frame.to_csv(os.path.join(directory, file), index=False)
    generate.main(directory)


def holes(frame, column, n):
    frame = frame.copy()
    frame.loc[rng.integers(0, len(frame), n), column] = np.nan
    return frame


np.seterr(all="ignore")
case("ties", tasks.assign(execution_secs=tasks["execution_secs"].round(1)), samples.sample(frac=1, random_state=1), scaling.iloc[::-1])
case("small", tasks.groupby("config_id").head(4), samples.head(40), scaling[scaling["nodes"] <= 8])
case("tiny", tasks.groupby("config_id").head(3), samples.head(4), scaling)
no_gpu = holes(samples, "cpu_util", 30)
no_gpu.loc[no_gpu["worker_id"].isin(["worker-2", "worker-3"]), "gpu_util"] = np.nan
case("missing", tasks.sample(frac=1, random_state=5), no_gpu, scaling)
case("waits", holes(tasks, "wait_time_secs", 20), samples.assign(gpu_util=0.0), scaling)
strings = tasks.assign(config_id=tasks["config_id"].map(lambda c: f"cfg-{c}"))
strings.loc[strings.index % 7 == 0, "status"] = "success"
strings.loc[strings["config_id"] == "cfg-0", "engine"] = "mpi"
case("strings", strings, pd.concat([samples, samples.iloc[:50]]), scaling)
case("failed", tasks.assign(status="FAILED"), samples.iloc[::3], scaling[scaling["nodes"] > 1])
cores = tasks.copy()
cores.loc[cores["config_id"] == 1, "cores"] = np.where(np.arange(200) % 2, 96, 160)
jitter = samples.assign(time_offset=samples["time_offset"] + rng.integers(0, 3, len(samples)) * 0.01,
                        worker_id=samples["worker_id"].str.replace("worker-", "worker-1", regex=False))
case("jitter", cores, jitter, scaling)
wide = pd.concat([samples.assign(worker_id=samples["worker_id"] + str(i), cpu_util=(samples["cpu_util"] * (0.9 + 0.01 * i)).clip(0, 1)) for i in range(12)])
more = pd.concat([tasks.assign(config_id=tasks["config_id"] + 4 * i, execution_secs=tasks["execution_secs"] * (1 + i / 10)) for i in range(3)])
case("wide", more, wide, scaling)
