#!/usr/bin/env python3
"""changes.py SBX [ROUNDS]: `sbx diff` of a tree of 100,000 files with 100 changes beside `git status` of the same tree, and
`sbx commit` of 10,000 files beside `cp -a` of them, in turns; prints the medians and the ratios."""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sbx, rounds = str(pathlib.Path(sys.argv[1]).resolve()), int(sys.argv[2]) if len(sys.argv) > 2 else 5
top = pathlib.Path(tempfile.mkdtemp(prefix="sbx-bench."))
project, state = top / "project", top / "state"
kept = state / "sbx/sandboxes/try/changes/0"
environment = {**os.environ, "XDG_STATE_HOME": str(state), "GIT_CONFIG_GLOBAL": "/dev/null"}


def run(words, **more):
    subprocess.run(words, check=True, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **more)


def seconds(words, **more):
    start = time.monotonic()
    run(words, **more)
    return time.monotonic() - start


def fill(directory, count):
    for number in range(count):
        file = directory / f"d{number // 100}" / f"file{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of file {number}\n" * 40)


def keep(script):
    """What a sandbox over the project leaves after `script`."""
    for part in ("upper", "work"):
        (kept / part).mkdir(parents=True)
    here, lower = os.lstat(kept / "work"), os.lstat(project)
    (kept / "origin").write_text(
        f"inside {project}\noutside {project}\nengine kernel\nmap self\n"
        f"started {here.st_ctime_ns // 10**9}.{here.st_ctime_ns % 10**9:09}\ndevice {lower.st_dev}\ninode {lower.st_ino}\n")
    time.sleep(0.02)
    (top / "merged").mkdir(exist_ok=True)
    run(["unshare", "-Urm", "sh", "-ec",
         f"mount -t overlay o -o lowerdir={project},upperdir={kept}/upper,workdir={kept}/work,userxattr {top}/merged; cd {top}/merged; {script}"])


def forget():
    if state.exists():
        run(["chmod", "-R", "u+rwx", str(state)])
        shutil.rmtree(state)


def measure_diff():
    fill(project, 100_000)
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=b", "-c", "user.email=b", "commit", "-qm", "all"], ["status"]):
        run(["git", "-c", "gc.auto=0", *words], cwd=project)
    keep("for i in $(seq 0 1000 99999); do echo changed >>d$((i / 100))/file$i; done")
    times = {"git status": [], "sbx diff": []}
    for _ in range(rounds):
        times["git status"].append(seconds(["git", "status", "--short"], cwd=project))
        times["sbx diff"].append(seconds([sbx, "diff", "try"]))
    return times


def measure_commit():
    times = {"cp -a": [], "sbx commit": []}
    for number in range(rounds):
        forget()
        run(["rm", "-rf", str(project), str(top / "copy")])
        project.mkdir()
        (top / "copy").mkdir()
        fill(top / "new", 10_000) if number == 0 else None
        keep(f"cp -a {top}/new .")
        os.sync()
        times["cp -a"].append(seconds(["cp", "-a", str(kept / "upper/new"), str(top / "copy")]))
        os.sync()
        times["sbx commit"].append(seconds([sbx, "commit", "try"]))
    return times


def show(title, times):
    (one, first), (other, second) = ((name, statistics.median(values)) for name, values in times.items())
    print(f"\n{title}, median of {rounds}")
    print(f"{one:<28}{first * 1000:10.1f} ms\n{other:<28}{second * 1000:10.1f} ms\n{'ratio':<28}{second / first:10.3f}")


try:
    project.mkdir()
    show("100 changes in 100,000 files", measure_diff())
    show("10,000 new files kept", measure_commit())
except subprocess.CalledProcessError as failure:
    print(f"changes: not measured: {failure}")
finally:
    forget()
    shutil.rmtree(top, ignore_errors=True)
