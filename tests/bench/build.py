#!/usr/bin/env python3
"""build.py SBX [ROUNDS]: this project's own libraries compiled inside `sbx --profile build` and outside, in
turns, without ccache; prints both medians and the overhead. Run it in the project's directory."""
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

sbx, rounds = str(pathlib.Path(sys.argv[1]).resolve()), int(sys.argv[2]) if len(sys.argv) > 2 else 3
build = pathlib.Path("build-bench")
inside = [sbx, "--profile", "build", "--"]


def compile_once(prefix):
    """Seconds for a clean compile of the libraries; the configuration is not part of it."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "check": True}
    shutil.rmtree(build, ignore_errors=True)
    # a launcher of its own keeps ccache out
    subprocess.run([*prefix, "cmake", "-G", "Ninja", "-B", str(build), "-DSBX_TESTS=OFF",
                    "-DCMAKE_CXX_COMPILER_LAUNCHER=env"], **quiet)
    start = time.monotonic()
    subprocess.run([*prefix, "cmake", "--build", str(build)], **quiet)
    return time.monotonic() - start


times = {"outside": [], "inside": []}
try:
    for number in range(rounds):
        order = ["outside", "inside"] if number % 2 == 0 else ["inside", "outside"]
        for place in order:
            times[place].append(compile_once(inside if place == "inside" else []))
except subprocess.CalledProcessError as failure:
    print(f"build overhead: not measured: {failure}")
    sys.exit(0)
finally:
    shutil.rmtree(build, ignore_errors=True)

outside, within = (statistics.median(times[place]) for place in ("outside", "inside"))
print(f"\nthis project's build, median of {rounds}")
print(f"{'outside':<28}{outside:10.2f} s\n{'sbx --profile build':<28}{within:10.2f} s")
print(f"{'overhead':<28}{100 * (within / outside - 1):10.1f} %")
