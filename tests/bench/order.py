#!/usr/bin/env python3
"""order.py BUILD >src/order.ld: tells the linker to lay together what a launch runs, in the order in which it is first run.
A page fault of a file brings 64 KiB, and a launch pays for each. Run it, as an ordinary user, when much has changed: a
line that names nothing any more does no harm, and what is missing only costs time. It links BUILD's sbx once more, with
its symbols, and steps through some launches (ptrace(2); x86-64), which takes minutes."""
import bisect
import ctypes
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

LAUNCHES = ["$sbx --profile base -- true",
            "$sbx --profile base --name order-$$ -- sh -c 'echo up; sleep 999' | (read up; $sbx exec order-$$ -- true; $sbx stop order-$$)"]

TRACEME, PEEKUSER, CONT, SINGLESTEP, SETOPTIONS, GETEVENTMSG = 0, 3, 7, 9, 0x4200, 0x4201
EVENT_FORKS, EVENT_EXEC = (1, 2, 3), 4  # fork, vfork, clone
FOLLOW = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4
WALL = 0x40000000
RIP = 16 * 8  # in struct user of <sys/user.h>
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes, libc.ptrace.restype = [ctypes.c_long] * 4, ctypes.c_long


def link_with_symbols(build, work):
    """The binary and the linker's map of it."""
    command = subprocess.run(["ninja", "-C", build, "-t", "commands", "sbx"], check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    words = [word for word in shlex.split(command) if word not in ("-s", ":", "&&") and "order.ld" not in word]
    words[words.index("-o") + 1] = str(work / "sbx")
    subprocess.run([*words, f"-Wl,-Map,{work / 'map'}"], cwd=build, check=True, stdout=sys.stderr)
    return work / "sbx", work / "map"


def base_of(pid, binary):
    """Where the binary lies in the process, or None when it runs another."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
            if line.endswith(f" {binary}"):
                return int(line.split("-")[0], 16)
    except OSError:
        pass
    return None


def steps_of(script, binary, seen):
    """Runs a line of shell and adds to `seen` each offset of the binary that is executed, in the order of the first time."""
    root = os.fork()
    if root == 0:
        os.dup2(2, 1)
        libc.ptrace(TRACEME, 0, 0, 0)
        os.kill(os.getpid(), 19)
        os.execvpe("sh", ["sh", "-c", script], {**os.environ, "sbx": str(binary)})
    os.waitpid(root, WALL)
    libc.ptrace(SETOPTIONS, root, 0, FOLLOW)
    libc.ptrace(CONT, root, 0, 0)
    bases, early = {root: None}, set()  # early: children that were seen before their parent told of them
    while True:
        try:
            pid, status = os.waitpid(-1, WALL)
        except ChildProcessError:
            return
        if not os.WIFSTOPPED(status):
            bases.pop(pid, None)
            continue
        event, signal = status >> 16, os.WSTOPSIG(status)
        if pid not in bases:
            early.add(pid)
            continue
        if event in EVENT_FORKS:
            child = ctypes.c_ulong()
            libc.ptrace(GETEVENTMSG, pid, 0, ctypes.addressof(child))
            bases[child.value] = bases[pid]
            if child.value in early:
                early.remove(child.value)
                libc.ptrace(SINGLESTEP if bases[pid] else CONT, child.value, 0, 0)
        elif event == EVENT_EXEC:
            bases[pid] = base_of(pid, binary)
        base = bases[pid]
        if base:
            seen.setdefault(libc.ptrace(PEEKUSER, pid, RIP, 0) - base)
        deliver = 0 if event or signal in (5, 19) else signal
        libc.ptrace(SINGLESTEP if base else CONT, pid, 0, deliver)


def sections_of(map_file):
    """(address, size, name, object) of each input section of code."""
    out, name = [], None
    for line in map_file.read_text().splitlines():
        found = re.match(r" (\.text\S*)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$", line)
        if found and (found[1] or name):
            out.append((int(found[2], 16), int(found[3], 16), found[1] or name, found[4]))
        name = line.strip() if re.fullmatch(r" \.text\S*", line) else None
    return sorted(section for section in out if section[0] and section[1])


STANDARD = re.compile(r"\.text\._ZN?[KOR]?S[a-z]")  # the standard library's, templates for the most part


def pattern(name, place):
    """Functions of ours without their parameters, which change. What has no section of its own comes with its object."""
    if STANDARD.match(name):
        return f"*({name[:100]}*)" if len(name) > 100 else f"*({name})"
    if name == ".text":
        archive, _, member = place.partition("(")
        return f"*{pathlib.Path(archive).name}:{member[:-1]}(.text)" if member else None
    found = re.match(r"\.text\._ZN?[KOR]?", name)
    if not found:
        return f"*({name})"
    end = found.end()
    while part := re.match(r"\d+", name[end:]):
        end += part.end() + int(part[0])
    return f"*({name[:end]}*)" if end > found.end() else f"*({name[:60]}*)" if len(name) > 60 else f"*({name})"


def main():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # a step is a switch to the tracer and back
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="sbx-order.") as work:
        os.chmod(work, 0o755)
        binary, map_file = link_with_symbols(build, pathlib.Path(work))
        seen = {}
        for script in LAUNCHES:
            steps_of(script, binary, seen)
        sections = sections_of(map_file)
    starts = [section[0] for section in sections]
    patterns = {}
    for offset in seen:
        address, size, name, place = sections[bisect.bisect(starts, offset) - 1]
        if address <= offset < address + size and (line := pattern(name, place)):
            patterns.setdefault(line)
    script = "".join(f"    {line}\n" for line in patterns)
    print("/* Written by tests/bench/order.py: what a launch runs, laid together in the binary. */\n"
          f"SECTIONS {{\n  .text.launch : {{\n{script}  }}\n}}\nINSERT BEFORE .text;")
    print(f"{len(seen)} instructions, {len(patterns)} sections", file=sys.stderr)


main()
