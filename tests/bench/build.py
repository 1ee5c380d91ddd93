#!/usr/bin/env python3
"""build.py SBX [ROUNDS]: this project's own libraries compiled inside `sbx --profile build` and outside, and a checkout
with a smaller compile in an overlay (`--overlay .`) and without, in turns, without ccache; prints the medians and the
overheads. Run it in the project's directory."""
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sbx, rounds = str(pathlib.Path(sys.argv[1]).resolve()), int(sys.argv[2]) if len(sys.argv) > 2 else 3
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "check": True}
# a launcher of its own keeps ccache out
configure = ["cmake", "-G", "Ninja", "-DSBX_TESTS=OFF", "-DCMAKE_CXX_COMPILER_LAUNCHER=env"]


def seconds(words, **more):
    start = time.monotonic()
    subprocess.run(words, **quiet, **more)
    return time.monotonic() - start


def compile_once(prefix):
    """Seconds for a clean compile of the libraries; the configuration is not part of it."""
    build = "build-bench"
    shutil.rmtree(build, ignore_errors=True)
    try:
        subprocess.run([*prefix, *configure, "-B", build], **quiet)
        return seconds([*prefix, "cmake", "--build", build])
    finally:
        shutil.rmtree(build, ignore_errors=True)


def check_out_once(prefix):
    """Seconds from a clone without files to its compiled base; what the overlay kept is dropped."""
    with tempfile.TemporaryDirectory(prefix="sbx-bench.") as top:
        subprocess.run(["git", "clone", "-q", "--no-checkout", ".", f"{top}/clone"], **quiet)
        subprocess.run(["sync"], check=True)
        script = f"git checkout -q HEAD && {' '.join(configure)} -B build && cmake --build build --target base sys profile"
        taken = seconds([*prefix, "sh", "-ec", script], cwd=f"{top}/clone")
        if (pathlib.Path(top) / "clone/build").exists() == bool(prefix):
            sys.exit("build: the overlay did not keep the directory as it was")
        return taken


def compare(title, once, place, prefix):
    times = {"outside": [], place: []}
    try:
        for number in range(rounds):
            for each in (times if number % 2 == 0 else reversed(times)):
                times[each].append(once(prefix if each == place else []))
    except subprocess.CalledProcessError as failure:
        print(f"{title}: not measured: {failure}")
        return
    outside, inside = (statistics.median(values) for values in times.values())
    print(f"\n{title}, median of {rounds}")
    print(f"{'outside':<28}{outside:10.2f} s\n{place:<28}{inside:10.2f} s\n{'overhead':<28}{100 * (inside / outside - 1):10.1f} %")


compare("this project's build", compile_once, "sbx --profile build", [sbx, "--profile", "build", "--"])
compare("its checkout and a smaller build", check_out_once, "sbx --overlay .",
        [sbx, "--profile", "build", "--overlay", ".", "--on-exit", "discard", "--"])
