"""Computes expected.json from the CSV files of a directory, with pandas and scipy.

    python3 generate.py DIR

It follows the code of the benchmarking notebook (testdata/notebook.txt) cell by
cell and keeps what each cell prints or draws. NaN and infinities become null.
The end-to-end tests run it on varied inputs and hold the analyzer against it.
"""
import json
import math
import os
import sys

import matplotlib
import numpy as np
import pandas as pd
import scipy
from matplotlib import cbook, mlab
from scipy import stats

ENGINES = ("dask", "ray")
COLORS = {"dask": "steelblue"}


def plain(x):
    """Makes x JSON: numpy scalars to Python's, NaN and infinities to null."""
    if isinstance(x, dict):
        return {str(k): plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, np.ndarray, pd.Series, pd.Index)):
        return [plain(v) for v in x]
    if isinstance(x, (bool, np.bool_)):
        return bool(x)
    if isinstance(x, (int, np.integer)):
        return int(x)
    if isinstance(x, (float, np.floating)):
        return float(x) if math.isfinite(x) else None
    return x


def box(values):
    values = np.asarray(values, dtype=float)
    b = cbook.boxplot_stats(values)[0]
    return {"n": len(values), "whislo": b["whislo"], "q1": b["q1"], "med": b["med"], "q3": b["q3"], "whishi": b["whishi"],
            "iqr": b["iqr"], "mean": b["mean"], "outlier_count": len(b["fliers"]), "outliers": sorted(b["fliers"]),
            "n_nan": int(np.isnan(values).sum())}


def summary(df):
    g = df.groupby(["config_id", "engine", "nodes", "cores"]).agg(
        {"execution_secs": ["mean", "std", "min", "max", "count"], "wait_time_secs": ["mean", "std"],
         "status": lambda x: (x == "SUCCESS").mean() * 100})
    g.columns = ["_".join(c).strip() for c in g.columns.values]
    g = g.rename(columns={"status_<lambda>": "success_rate_pct"})
    rounded = g.round(4)
    rows = []
    for (key, row), (_, r) in zip(g.iterrows(), rounded.iterrows()):
        d = dict(zip(["config_id", "engine", "nodes", "cores"], key))
        d.update(row.to_dict())
        d["execution_secs_count"] = int(d["execution_secs_count"])
        d["rounded_4"] = r.to_dict()
        d["rounded_4"]["execution_secs_count"] = int(r["execution_secs_count"])
        rows.append(d)
    return {"n_records": len(df), "summary": rows}


def throughput_table(df):
    rows = []
    for c in df["config_id"].unique():
        d = df[df["config_id"] == c]
        ok = (d["status"] == "SUCCESS").sum()
        wall = (d["completion_time"].max() - d["submit_time"].min()).total_seconds()
        rows.append({"config_id": c, "engine": d["engine"].iloc[0], "nodes": d["nodes"].iloc[0], "cores": d["cores"].iloc[0],
                     "total_tasks": len(d), "successful_tasks": ok, "wall_clock_time": wall, "total_exec_time": d["execution_secs"].sum(),
                     "throughput_tasks_per_sec": len(d) / wall, "avg_exec_time": d["execution_secs"].mean(), "success_rate": ok / len(d) * 100})
    t = pd.DataFrame(rows)
    t["efficiency"] = t["throughput_tasks_per_sec"] / t["cores"]
    return t


def throughput(t):
    bars = [{"label": f"{r['engine']}\n{r['nodes']}N/{r['cores']}C", "throughput": r["throughput_tasks_per_sec"],
             "value_label": f"{r['throughput_tasks_per_sec']:.1f}", "efficiency": r["efficiency"], "color": COLORS.get(r["engine"], "coral")}
            for _, r in t.iterrows()]
    lines = {e.upper(): t[t["engine"] == e][["cores", "throughput_tasks_per_sec"]].values.tolist() for e in t["engine"].unique()}
    cores = t["cores"].unique()
    ideal = t["throughput_tasks_per_sec"].min() * cores / cores.min()
    metrics = ["throughput_tasks_per_sec", "efficiency", "success_rate"]
    top = t[metrics].max()
    norm = {e: {m: t[t["engine"] == e][m].mean() / top[m] for m in metrics} for e in ENGINES}
    return {"table": t.to_dict("records"), "chart_bars": bars, "scaling_lines": lines,
            "ideal_linear": {"cores": sorted(cores), "throughput": sorted(ideal)}, "engine_comparison_normalised": norm}


def latency(df):
    rows, boxes, printed, breakdown = [], [], [], []
    for c in df["config_id"].unique():
        d = df[df["config_id"] == c]
        row = {"config_id": c, "engine": d["engine"].iloc[0], "cores": d["cores"].iloc[0]}
        for p in (50, 75, 90, 95, 99):
            row[f"exec_p{p}"] = np.percentile(d["execution_secs"], p)
            row[f"wait_p{p}"] = np.percentile(d["wait_time_secs"], p)
            row[f"total_p{p}"] = np.percentile(d["total_time_secs"], p)
        rows.append(row)
        boxes.append({"config_id": c, "label": f"{row['engine']}\n{row['cores']}C", **box(d["execution_secs"])})
        printed.append(f"  {row['engine']}-{row['cores']}C: Wait={row['wait_p50']:.3f}s, Exec={row['exec_p50']:.3f}s, Total={row['total_p50']:.3f}s")
        breakdown.append({"config_id": c, "wait_p50": row["wait_p50"], "exec_p50": row["exec_p50"],
                          "stack_top": row["wait_p50"] + row["exec_p50"], "true_total_p50": row["total_p50"]})
    return {"table": rows, "exec_boxplot": boxes, "printed_p50": printed, "median_breakdown": breakdown}


def scaling(s):
    strong, weak = s[s["kind"] == "strong"], s[s["kind"] == "weak"]
    rs, rw = strong.loc[strong["nodes"].idxmin()], weak.loc[weak["nodes"].idxmin()]
    out = {"strong": [], "weak": [], "strong_reference": {"nodes": rs["nodes"], "time": rs["time"]},
           "weak_reference": {"nodes": rw["nodes"], "time": rw["time"]}, "notebook_weak_ideal_line": weak["time"].iloc[0]}
    for _, r in strong.iterrows():
        n, t = r["nodes"], r["time"]
        out["strong"].append({"nodes": n, "cores": r["cores"], "tasks": r["tasks"], "time": t, "notebook_speedup": 10 / t, "notebook_efficiency": 10 / t / n,
                              "measured_speedup": rs["time"] / t, "measured_speedup_abs": rs["nodes"] * rs["time"] / t,
                              "measured_efficiency": rs["nodes"] * rs["time"] / (n * t)})
    for _, r in weak.iterrows():
        n, t = r["nodes"], r["time"]
        out["weak"].append({"nodes": n, "cores": r["cores"], "tasks": r["tasks"], "time": t, "notebook_efficiency": 5.0 / t,
                            "measured_efficiency": rw["time"] / t, "measured_scaled_speedup": rw["time"] / t * n / rw["nodes"],
                            "throughput_efficiency": (r["tasks"] / t / n) / (rw["tasks"] / rw["time"] / rw["nodes"])})
    out["printed_strong"] = f"Strong scaling efficiency at 16 nodes: {10 / strong['time'].iloc[-1] / strong['nodes'].iloc[-1] * 100:.1f}%"
    out["printed_weak"] = f"Weak scaling efficiency at 16 nodes: {5.0 / weak['time'].iloc[-1] * 100:.1f}%"
    return out


def resources(df):
    cols = ["cpu_util", "memory_util", "gpu_util"]
    avg = df.groupby("time_offset")["cpu_util"].mean() * 100
    present = df.groupby("time_offset")["worker_id"].nunique()
    pivot = df.pivot_table(index="worker_id", columns="time_offset", values="cpu_util", aggfunc="mean")
    shown = pivot.iloc[:, ::10]
    by_worker = df.groupby("worker_id")[cols].mean() * 100
    active = df[df["gpu_util"] > 0]
    means = {"cpu_mean_pct": df["cpu_util"].mean() * 100, "memory_mean_pct": df["memory_util"].mean() * 100,
             "gpu_mean_pct_over_gt0": active["gpu_util"].mean() * 100, "gpu_gt0_count": len(active)}
    gpu_workers = sorted(active["worker_id"].unique())
    return {
        "n_samples": len(df), "n_workers": df["worker_id"].nunique(), "n_offsets": df["time_offset"].nunique(),
        "worker_line_order": list(df["worker_id"].unique()), "samples_per_worker": df.groupby("worker_id").size().to_dict(),
        "per_worker_mean_pct": by_worker.T.to_dict(), "overall": means,
        "printed": [f"  Avg CPU: {means['cpu_mean_pct']:.1f}%", f"  Avg Memory: {means['memory_mean_pct']:.1f}%", f"  Avg GPU: {means['gpu_mean_pct_over_gt0']:.1f}%"],
        "avg_cpu_series": {"time_offset": list(avg.index), "avg_cpu_pct": list(avg.values), "n_workers_present": list(present.values)},
        "heatmap": {"rows": list(shown.index), "columns": list(shown.columns), "values": shown.values.tolist(),
                    "vmin": np.nanmin(shown.values), "vmax": np.nanmax(shown.values), "full_n_columns": pivot.shape[1]},
        "boxplot_pct": {l: box(df[c].values * 100) for l, c in zip(("CPU", "Memory", "GPU"), cols)},
        "extra": {"gpu_workers": gpu_workers,
                  "gpu_mean_pct_gpu_workers_incl_idle": df[df["worker_id"].isin(gpu_workers)]["gpu_util"].mean() * 100,
                  "gpu_mean_pct_all_nonnull_samples": df["gpu_util"].mean() * 100, "network_mbps_mean": df["network_mbps"].mean()},
    }


def describe(x):
    return {"n": len(x), "mean": x.mean(), "median": x.median(), "std": x.std(), "min": x.min(), "max": x.max(), "p99": np.percentile(x, 99)}


def violin(x):
    def kde(values, coords):
        return mlab.GaussianKDE(values, None).evaluate(coords)
    v = cbook.violin_stats(x, kde, 100)[0]
    return {"coords": v["coords"], "kde": v["vals"], "half_width": 0.25 * v["vals"] / v["vals"].max(),
            "mean": v["mean"], "median": v["median"], "min": v["min"], "max": v["max"]}


def histogram(x):
    counts, edges = np.histogram(x, bins=30)
    density, _ = np.histogram(x, bins=30, density=True)
    return {"counts": counts, "density": density, "edges": edges, "mean_line": x.mean()}


def comparison(df, t):
    d, r = (df[df["engine"] == e]["execution_secs"] for e in ENGINES)
    ts, tp = stats.ttest_ind(d, r)
    us, up = stats.mannwhitneyu(d, r)
    n1, n2 = len(d), len(r)
    both = np.concatenate([d, r])
    ties = len(np.unique(both)) < len(both)
    exact = not ties and (n1 <= 8 or n2 <= 8)
    w = stats.ttest_ind(d, r, equal_var=False)
    v1, v2 = d.var() / n1, r.var() / n2
    wdf = (v1 + v2) ** 2 / (v1 ** 2 / (n1 - 1) + v2 ** 2 / (n2 - 1))
    diff, half = d.mean() - r.mean(), stats.t.ppf(0.975, wdf) * math.sqrt(v1 + v2)
    a = us / (n1 * n2)
    rows = [("Mean Execution Time", lambda x: x.mean()), ("Median Execution Time", lambda x: x.median()), ("Std Deviation", lambda x: x.std()),
            ("Min", lambda x: x.min()), ("Max", lambda x: x.max()), ("99th Percentile", lambda x: np.percentile(x, 99))]
    by = t.groupby("engine").agg({"throughput_tasks_per_sec": "mean", "efficiency": "mean", "success_rate": "mean"})
    chart = {}
    for e, x in zip(ENGINES, (d, r)):
        chart[e] = {"Throughput": by.loc[e, "throughput_tasks_per_sec"] / t["throughput_tasks_per_sec"].max(),
                    "Efficiency": by.loc[e, "efficiency"] / t["efficiency"].max(), "Success Rate": by.loc[e, "success_rate"] / 100,
                    "Low Latency": 1 - x.mean() / df["execution_secs"].max()}
    return {
        "table": {"dask": describe(d), "ray": describe(r)},
        "table_display": [[n, f"{f(d):.4f}s", f"{f(r):.4f}s"] for n, f in rows],
        "t_test": {"kind": "Student pooled-variance, two-sided", "statistic": ts, "pvalue": tp, "df": n1 + n2 - 2, "display": f"T-test p-value: {tp:.4e}"},
        "mann_whitney": {"U_dask": us, "U_ray": n1 * n2 - us, "pvalue": up, "ties": ties, "method": "exact" if exact else "asymptotic",
                         "continuity": True, "display": f"Mann-Whitney U p-value: {up:.4e}"},
        "conclusion": "Significant difference" if tp < 0.05 else "No significant difference",
        "histogram": {"dask": histogram(d), "ray": histogram(r)},
        "cdf": {e: {"x": np.sort(x), "y": np.linspace(0, 1, len(x))} for e, x in zip(ENGINES, (d, r))},
        "violin": {"dask": violin(d), "ray": violin(r)},
        "by_engine": {e: {**by.loc[e].to_dict(), "efficiency_x1000": by.loc[e, "efficiency"] * 1000} for e in by.index},
        "summary_chart": chart,
        "extra": {"welch": {"statistic": w.statistic, "pvalue": w.pvalue, "df": wdf, "mean_diff_dask_minus_ray": diff, "ci95": [diff - half, diff + half]},
                  "vargha_delaney_A_dask_gt_ray": a, "rank_biserial": 2 * a - 1},
    }


def benchmark(df, t):
    b = t.loc[t["throughput_tasks_per_sec"].idxmax()]
    return {"total_benchmarks": len(df), "configurations": df["config_id"].nunique(), "config_id": b["config_id"], "engine": b["engine"].upper(),
            "nodes": b["nodes"], "cores": b["cores"], "throughput": b["throughput_tasks_per_sec"],
            "throughput_display": f"{b['throughput_tasks_per_sec']:.2f} tasks/sec"}


def main(directory):
    read = lambda name, **kw: pd.read_csv(os.path.join(directory, name), float_precision="round_trip", **kw)
    have = lambda name: os.path.exists(os.path.join(directory, name))
    out = {"meta": {"numpy": np.__version__, "pandas": pd.__version__, "scipy": scipy.__version__, "matplotlib": matplotlib.__version__}}
    if have("task_metrics.csv"):
        df = read("task_metrics.csv", parse_dates=["submit_time", "completion_time"])
        df["total_time_secs"] = df["wait_time_secs"] + df["execution_secs"]
        t = throughput_table(df)
        out.update({"1_summary": summary(df), "2_throughput": throughput(t), "3_latency": latency(df),
                    "6_benchmark_summary": benchmark(df, t), "6_comparison": comparison(df, t)})
    if have("scaling.csv"):
        out["4_scaling"] = scaling(read("scaling.csv"))
    if have("resource_samples.csv"):
        out["5_resources"] = resources(read("resource_samples.csv"))
    with open(os.path.join(directory, "expected.json"), "w") as f:
        json.dump(plain(out), f, indent=1, allow_nan=False)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main(sys.argv[1])
