#!/usr/bin/env python3
"""Measure feedmill and other loaders side by side, and write a record of the run.

usage: record.py --data FOLDER --describe TEXT [--peers FILE] [--out FOLDER] ...

Every loader runs as a process of its own, one after the other, in several rounds, so that all of
them see the same machine in the same quarter of an hour. benches/record/README.md describes the
file with the commands of the other loaders, and the record.

Needs Python 3.8 and nothing else.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="a folder of class folders of images")
    parser.add_argument("--describe", required=True, help="what the data is, in a sentence")
    parser.add_argument("--shards", help="the same data after `feedmill convert`, measured too")
    parser.add_argument("--peers", help="a JSON file with the commands of other loaders")
    parser.add_argument("--feedmill", default=str(ROOT / "target" / "release" / "feedmill"))
    parser.add_argument("--preset", default="imagenet", help="the recipe that feedmill runs")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3, help="timed epochs of each process")
    parser.add_argument("--rounds", type=int, default=2, help="processes of each loader")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one process")
    parser.add_argument("--note", help="what a reader of the record has to know about this run")
    parser.add_argument("--out", default=str(ROOT / "benches" / "record"))
    parser.add_argument("--name", help="the name of the record [DATE-PRESET]")
    return parser.parse_args()


def processor():
    """The name of the processor; with family and model where a virtual machine hides the number."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.M))
    name = fields.get("model name", platform.machine())
    if not re.search(r"\d", name) and "cpu family" in fields:
        name += f", family {fields['cpu family']} model {fields.get('model')}"
    return name


def vector_instructions():
    """The instruction sets that matter to feedmill, as Linux names them."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return []
    return [flag for flag in ("avx2", "avx512f", "asimd") if flag in flags]


def system():
    try:
        release = Path("/etc/os-release").read_text()
        name = re.search(r'^PRETTY_NAME="?([^"\n]*)', release, re.M).group(1)
    except (OSError, AttributeError):
        name = platform.platform()
    return f"{name}, {platform.system()} {platform.release().split('-')[0]}"


def memory():
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError):
        return None


def load():
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def machine():
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "vector_instructions": vector_instructions(),
        "memory_gib": memory(),
        "system": system(),
        "load_before": load(),
    }


def output_of(command, folder, timeout):
    """Runs a command and returns what it wrote to standard output."""
    run = subprocess.run(
        command,
        cwd=folder,
        timeout=timeout,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    return run.stdout


def rates_of(text, pattern):
    """The images/s of the timed epochs.

    With a pattern, every match of its first group in the output is an epoch. Without one, the
    output has one JSON object a line, as `feedmill bench --json` writes them.
    """
    if pattern:
        return [float(rate) for rate in re.findall(pattern, text)]
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    epochs = [line for line in lines if isinstance(line.get("epoch"), int)]
    return [line["images_per_s"] for line in epochs if not line.get("warm_up")]


def feedmill_runs(args):
    binary = str(Path(args.feedmill).resolve())
    version = output_of([binary, "--version"], ".", 60).split()[1]
    where = [("feedmill, folder", args.data, "the JPEG files as they are")]
    if args.shards:
        where.append(("feedmill, shards", args.shards, "after `feedmill convert`"))
    bench = f"bench --preset {args.preset} --batch {args.batch} --workers {args.workers}"
    for loader, data, about in where:
        command = f"{bench} --epochs {args.epochs} --json --data"
        yield {
            "loader": loader,
            "about": f"`feedmill {bench}`: {about}",
            "command": [binary, *command.split(), str(Path(data).resolve())],
            "folder": ".",
            "versions": {"feedmill": version},
            "rounds": args.rounds,
        }


def peer_runs(args):
    if not args.peers:
        return
    path = Path(args.peers).resolve()
    for peer in json.loads(path.read_text()):
        values = {
            "data": str(Path(args.data).resolve()),
            "batch": args.batch,
            "workers": args.workers,
            "epochs": peer.get("epochs", args.epochs),
        }
        yield {
            "loader": peer["loader"],
            "about": peer["about"],
            "command": [word.format(**values) for word in shlex.split(peer["command"])],
            "folder": path.parent,
            "pattern": peer.get("rates"),
            "versions": versions_of(peer, path.parent, args.timeout),
            "rounds": peer.get("rounds", args.rounds),
        }


def versions_of(peer, folder, timeout):
    """What the command `versions` prints: a name and a version a line."""
    if "versions" not in peer:
        return {}
    try:
        text = output_of(shlex.split(peer["versions"]), folder, timeout)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"{peer['loader']}: no versions: {error}", file=sys.stderr)
        return {}
    lines = [line.split(None, 1) for line in text.splitlines()]
    return {words[0]: words[1].strip() for words in lines if len(words) == 2}


def measure(run, timeout):
    """One process of one loader: the rates of its epochs, or None."""
    loader = run["loader"]
    try:
        text = output_of(run["command"], run["folder"], timeout)
    except subprocess.CalledProcessError as error:
        print(f"{loader}: {error}\n{error.stderr[-2000:]}", file=sys.stderr)
        return None
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{loader}: {error}", file=sys.stderr)
        return None
    rates = rates_of(text, run.get("pattern"))
    if not rates:
        print(f"{loader}: no rates in its output:\n{text[-2000:]}", file=sys.stderr)
        return None
    print(f"{loader}: {', '.join(f'{rate:.0f}' for rate in rates)} images/s", flush=True)
    return rates


def commit():
    """The commit of this checkout, with a plus sign if it was changed."""
    try:
        name = output_of(["git", "rev-parse", "--short=12", "HEAD"], ROOT, 60).strip()
        changed = output_of(["git", "status", "--porcelain", "-uno"], ROOT, 60).strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return name + ("+" if changed else "")


def main():
    args = arguments()
    files = [path for path in Path(args.data).rglob("*") if path.is_file()]
    record = {
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "note": args.note,
        "machine": machine(),
        "data": {
            "about": args.describe,
            "files": len(files),
            "bytes": sum(path.stat().st_size for path in files),
        },
        "job": {"preset": args.preset, "batch": args.batch, "workers": args.workers},
        "runs": [],
    }
    runs = [*feedmill_runs(args), *peer_runs(args)]
    rates = {run["loader"]: [] for run in runs}
    failed = set()
    for number in range(max(run["rounds"] for run in runs)):
        for run in runs:
            if number < run["rounds"] and run["loader"] not in failed:
                epochs = measure(run, args.timeout)
                if epochs is None:
                    failed.add(run["loader"])
                else:
                    rates[run["loader"]].append([round(rate, 1) for rate in epochs])
    for run in runs:
        epochs = [rate for process in rates[run["loader"]] for rate in process]
        if run["loader"] in failed:
            continue
        record["runs"].append(
            {
                "loader": run["loader"],
                "about": run["about"],
                "versions": run["versions"],
                "images_per_s": rates[run["loader"]],
                "median": round(statistics.median(epochs), 1),
            }
        )
    name = args.name or f"{record['date']}-{args.preset}"
    path = Path(args.out) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, ensure_ascii=False)
    # The rates of one process stay on one line.
    text = re.sub(r"\[([\d.,\s]+)\]", lambda m: "[" + " ".join(m.group(1).split()) + "]", text)
    path.write_text(text + "\n")
    print(f"wrote {path}")
    for loader in sorted(failed):
        print(f"left out: {loader} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
