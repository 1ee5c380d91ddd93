#!/usr/bin/env python3
"""run_tests.py BUILD [CTEST OPTIONS]: ctest, then every skipped test with its reason, then ctest's own
closing line once more, so that the last line says how it went."""
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as xml


def run_ctest(build, report, options):
    """Passes ctest's output on, less the "Start" lines; its exit status and its closing line."""
    closing = ""
    command = ["ctest", "--test-dir", build, "--output-on-failure", "--no-tests=error",
               "--test-output-size-passed", "65536", "--output-junit", report, *options]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          encoding="utf-8", errors="replace") as ctest:
        for line in ctest.stdout:
            if re.match(r"\s+Start +\d+: ", line):
                continue
            if "% tests passed, " in line:
                closing = line
            print(line, end="", flush=True)
    return ctest.returncode, closing


def skipped_cases(report):
    for case in xml.parse(report).getroot().iter("testcase"):
        if case.find("skipped") is not None:
            output = case.findtext("system-out", "")
            found = (re.search(r": Skipped\n(.*?)\n+\[  SKIPPED", output, re.DOTALL) or
                     re.search(r"^skipped: (.*)", output, re.MULTILINE))
            yield case.get("name"), " ".join(found[1].split()) if found else "no reason given"


def main():
    build, options = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    report = build / "tests.xml"
    report.unlink(missing_ok=True)
    status, closing = run_ctest(build, report, options)
    skipped = list(skipped_cases(report)) if report.exists() else []
    for name, why in skipped:
        print(f"skipped {name}: {why}")
    print(f"{len(skipped)} skipped\n{closing}", end="", flush=True)
    return status


sys.exit(main())
