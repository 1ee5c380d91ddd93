#!/usr/bin/env python3
"""net.py SBX TRAFFIC [--rounds N] [--seconds S] [--only NAME,…]: sbx's network beside slirp4netns and pasta, each at
MTU 1500 and 65520, and the host's loopback as the ceiling. Everything happens in a host of its own (user, network and
mount namespace), all engines in turns in one run; medians and ratios are printed, a slow machine fails nothing."""
import argparse
import ctypes
import json
import os
import pathlib
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time

HOST, HOST6, PORT = "93.184.30.1", "2a00:1450:3::1", 7000
NO_CAPABILITIES = ["setpriv", "--inh-caps", "-all", "--ambient-caps", "-all"]
FAKE_HOST = f"""
ip link set lo up; ip addr add {HOST}/32 dev lo; ip addr add {HOST6}/128 dev lo
ip link add ext0 type veth peer name ext1
ip addr add 93.184.10.2/24 dev ext0; ip addr add 2a00:1450:1::2/64 dev ext0 nodad
ip link set ext1 up; ip link set ext0 up
ip route add default via 93.184.10.1; ip -6 route add default via 2a00:1450:1::1
echo 1024 65535 > /proc/sys/net/ipv4/ip_local_port_range
"""


def enter_fake_host():
    """Runs this program again as the same user in namespaces of its own, in which it may do anything."""
    if os.environ.get("SBX_BENCH_INSIDE") == "1":
        subprocess.run(["sh", "-ec", FAKE_HOST], check=True)
        return
    os.environ["SBX_BENCH_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "--user", "--map-current-user", "--keep-caps", "--net", "--mount",
                          sys.executable, *sys.argv])


def read(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def descendants(pid):
    found = []
    for task in read(f"/proc/{pid}/task/{pid}/children").split():
        found += [int(task), *descendants(task)]
    return found


class Engine:
    """A shell behind one engine; lines of shell are sent to it and their output read."""

    def __init__(self, name):
        self.name, self.shell, self.helper, self.why = name, None, None, None

    def open_shell(self, words):
        self.shell = subprocess.Popen([*NO_CAPABILITIES, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)

    def start(self):
        self.open_shell(["sh"])

    def traffic(self):
        return TRAFFIC

    def processes(self):
        return []

    def lines(self, command):
        """What a command prints, line by line; ends with the command."""
        self.shell.stdin.write(f"timeout 90 {command} 2>&1; echo end-of-command\n")
        self.shell.stdin.flush()
        for line in self.shell.stdout:
            if line.strip() == "end-of-command":
                return
            yield line
        raise RuntimeError(f"{self.name} ended: {self.shell.stderr.read().strip()}")

    def run(self, command):
        return "".join(self.lines(command))

    def values(self, arguments):
        """The "key number" lines of a role of traffic."""
        text = self.run(f"{self.traffic()} {arguments}")
        found = dict(line.split() for line in text.splitlines() if len(line.split()) == 2)
        try:
            return {key: float(value) for key, value in found.items()}
        except ValueError:
            return {}
        finally:
            for line in text.splitlines():
                if line.startswith("traffic:"):
                    print(f"  {self.name}: {arguments}: {line}", file=sys.stderr)
                    break

    def stop(self):
        for process in (self.shell, self.helper):
            if process:
                process.kill()
                process.wait()


class Sbx(Engine):
    def start(self):
        self.open_shell([SBX, "--profile", "base", "--net", "user", "--allow", "@host", "--ro", f"{TRAFFIC}:/traffic",
                         "--", "sh"])

    def traffic(self):
        return "/traffic"

    def processes(self):
        """The engine: the launcher's child that is still in this network namespace."""
        mine = os.readlink("/proc/self/ns/net")
        return [pid for pid in descendants(self.shell.pid) if network_of(pid) == mine]


class Slirp(Engine):
    def __init__(self, mtu):
        super().__init__(f"slirp {mtu}")
        self.mtu = mtu

    def start(self):
        self.open_shell(["unshare", "-Urn", "sh"])
        mine = os.readlink("/proc/self/ns/net")
        while network_of(self.shell.pid) == mine or read(f"/proc/{self.shell.pid}/comm") != "sh\n":
            time.sleep(0.01)
        ready, told = os.pipe()
        self.helper = subprocess.Popen(
            ["slirp4netns", "--configure", "--enable-ipv6", f"--mtu={self.mtu}", "-r", str(told), str(self.shell.pid), "tap0"],
            pass_fds=[told], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(told)
        os.read(ready, 1)
        os.close(ready)

    def processes(self):
        return [self.helper.pid]


class Pasta(Engine):
    def __init__(self, mtu):
        super().__init__(f"pasta {mtu}")
        self.mtu = mtu

    def start(self):
        self.open_shell(["pasta", "--config-net", "-f", "-m", str(self.mtu), "--", "sh"])

    def processes(self):
        return [self.shell.pid]


def network_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return ""


def cpu_seconds(pids):
    """To the nanosecond where the kernel counts it, else to the tick."""
    total = 0.0
    for pid in pids:
        exact = [read(task / "schedstat").split() for task in pathlib.Path(f"/proc/{pid}/task").glob("*")]
        if exact and all(exact):
            total += sum(int(task[0]) for task in exact) / 1e9
        elif stat := read(f"/proc/{pid}/stat").rpartition(")")[2].split():
            total += (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    return total


def resident_mib(pids):
    lines = [line for pid in pids for line in read(f"/proc/{pid}/status").splitlines() if line.startswith("VmRSS:")]
    return sum(int(line.split()[1]) for line in lines) / 1024


# ---- what is measured: a name, and a function from an engine to {row: value} ----------------------------------------

def bulk(parallel, direction, address, label):
    flags = f"-P {parallel}" + (" -R" if direction == "down" else "")

    def measure(engine):
        before = cpu_seconds(engine.processes())
        for _ in range(10):  # the server ends a test a little after its client
            text = engine.run(f"iperf3 -J -c {address} {flags} -t {SECONDS}")
            if "the server is busy" not in text:
                break
            time.sleep(0.3)
        spent = cpu_seconds(engine.processes()) - before
        try:
            end = json.loads(text[text.index("{"):])["end"]
            rate = end["sum_received"]["bits_per_second"] / 1e9
        except (ValueError, KeyError):
            print(f"  {engine.name}: iperf3 {flags}: {text.strip()[-200:]}", file=sys.stderr)
            return {}
        found = {f"{label} Gbit/s": rate}
        if direction == "up":
            found[f"{label} retransmits"] = end["sum_sent"]["retransmits"]
        if engine.processes():
            found[f"{label} CPU s/GB"] = spent / max(end["sum_received"]["bytes"] / 1e9, 1e-9)
        return found
    return measure


def role(arguments, row, key, scale=1.0):
    def measure(engine):
        values = engine.values(arguments)
        return {row: values[key] * scale} if key in values else {}
    return measure


def idle(flows):
    def measure(engine):
        pids, found = engine.processes(), {}
        found["engine MiB, no flow"] = resident_mib(pids)
        for line in engine.lines(f"{engine.traffic()} idle {HOST} {PORT} {flows} 5"):
            if line.startswith("opened "):
                found["opened"] = int(line.split()[1])
            elif line.startswith("seconds "):
                found[f"{flows} flows opened in s"] = float(line.split()[1])
                time.sleep(1)
                found[f"engine MiB, {flows} idle flows"] = resident_mib(pids)
                before, start = cpu_seconds(pids), time.monotonic()
                time.sleep(3)
                found[f"CPU %, {flows} idle flows"] = 100 * (cpu_seconds(pids) - before) / (time.monotonic() - start)
            else:
                print(f"  {engine.name}: idle: {line.strip()}", file=sys.stderr)
        return found if found.pop("opened", 0) == flows and pids else {}
    return measure


def measurements():
    """(name, times less rounds, function) in the order of the report."""
    for parallel in (1, 4, 32):
        for direction in ("up", "down"):
            yield "tcp", bulk(parallel, direction, HOST, f"TCP {direction} -P {parallel}")
    for direction in ("up", "down"):
        yield "tcp6", bulk(1, direction, HOST6, f"TCP6 {direction} -P 1")
    yield "rr", role(f"rr {HOST} {PORT} 0.5", "TCP round trip us", "p50_us")
    yield "rr", role(f"udp-rr {HOST} {PORT} 0.5", "UDP round trip us", "p50_us")
    yield "crr", role(f"crr {HOST} {PORT} 0.7 1", "connections/s, 1 client", "per_second")
    yield "crr", role(f"crr {HOST} {PORT} 0.7 64", "connections/s, 64 clients", "per_second")
    for size in (64, 1400):
        yield "udp", role(f"udp-up {HOST} {PORT} {size} 0.7", f"UDP up {size} B kpps", "per_second", 1e-3)
        yield "udp", role(f"udp-down {HOST} {PORT} {size} 0.7", f"UDP down {size} B kpps", "per_second", 1e-3)


# ---- launches ---------------------------------------------------------------------------------------------------------

def time_once(words):
    """Milliseconds for a whole process, and what it printed; None when it failed."""
    out = os.memfd_create("out")
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, out, 1),
               (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)]
    start = time.perf_counter()
    pid = os.posix_spawnp(words[0], words, os.environ, file_actions=actions, setsigdef=[signal.SIGPIPE])
    status = os.waitpid(pid, 0)[1]
    took = 1e3 * (time.perf_counter() - start)
    printed = os.pread(out, 4096, 0).decode()
    os.close(out)
    return (took, printed) if status == 0 else None


def measure_launches(rounds):
    base, user = [SBX, "--profile", "base"], ["--net", "user", "--allow", "@host"]
    first = ["--ro", f"{TRAFFIC}:/traffic", "--", "/traffic", "first", HOST, str(PORT)]
    contenders = {"unshare (U)": ["unshare", "-Urmpfinu", "--mount-proc", "/bin/true"],
                  "sbx, no network": [*base, "--", "/bin/true"],
                  "sbx --net user": [*base, *user, "--", "/bin/true"],
                  "sbx --net user, first byte": [*base, *user, *first]}
    if shutil.which("pasta"):
        contenders["pasta"] = ["pasta", "--config-net", "--", "/bin/true"]
    ctypes.CDLL(None).prctl(47, 4, 0, 0, 0)  # PR_CAP_AMBIENT_CLEAR_ALL: programs started from here have no capability
    times, first_bytes = {name: [] for name in contenders}, []
    for number in range(-3, rounds):
        for name, words in list(contenders.items()):
            found = time_once(words)
            if found is None:
                print(f"  {name}: did not exit with 0", file=sys.stderr)
                del contenders[name], times[name]
            elif number >= 0:
                times[name].append(found[0])
                first_bytes += [float(line.split()[1]) / 1e3 for line in found[1].splitlines() if line.startswith("first_us")]
    return {name: statistics.median(values) for name, values in times.items()}, first_bytes


def print_launches(rounds):
    medians, first_bytes = measure_launches(rounds)
    unit = medians.get("unshare (U)")
    print(f"\nlaunch, {rounds} interleaved rounds, whole process")
    for name, value in medians.items():
        print(f"{name:<28}{value:10.2f} ms" + (f"{value / unit:10.2f} U" if unit else ""))
    with_net, without, pasta = (medians.get(name) for name in ("sbx --net user", "sbx, no network", "pasta"))
    if not unit or with_net is None or without is None:
        return
    verdict("launch: what the network adds, in U", (with_net - without) / unit, "<=", 0.8)
    if pasta:
        verdict("launch with the network / pasta", with_net / pasta, "<=", 0.2)
    if first_bytes:
        verdict("first byte after the payload's start, in U", statistics.median(first_bytes) / unit, "<=", 2)


# ---- the report -------------------------------------------------------------------------------------------------------

def verdict(what, value, relation, target):
    met = value >= target if relation == ">=" else value <= target
    print(f"{what:<58}{value:10.2f}  {relation} {target:<6}{'met' if met else 'missed'}")


def print_table(results, names):
    print(f"\n{'':<30}" + "".join(f"{name:>13}" for name in names))
    for row, columns in results.items():
        cells = (f"{statistics.median(columns[name]):13.2f}" if columns.get(name) else f"{'-':>13}" for name in names)
        print(f"{row:<30}" + "".join(cells))


def print_verdicts(results):
    def middle(row, *names):
        return [statistics.median(results[row][name]) for name in names if results.get(row, {}).get(name)]

    def compare(row, label, relation, target, best, *names):
        mine, others = middle(row, "sbx"), middle(row, *names)
        if mine and others and best(others) > 0:
            verdict(f"{row} / {label}", mine[0] / best(others), relation, target)

    slirp, pasta = ("slirp 1500", "slirp 65520"), ("pasta 1500", "pasta 65520")
    print()
    for row in results:
        if row.startswith("TCP") and row.endswith("Gbit/s"):
            compare(row, "loopback", ">=", 0.5, max, "loopback")
            compare(row, "slirp4netns, best MTU", ">=", 1.6, max, *slirp)
            compare(row, "pasta, best MTU", ">=", 1.3, max, *pasta)
            compare(row, "pasta at 1500", ">=", 3, max, "pasta 1500")
        elif row.startswith("TCP round"):
            compare(row, "pasta", "<=", 1.05, min, *pasta)
        elif row.startswith("connections"):
            compare(row, "both peers", ">=", 1, max, *slirp, *pasta)
        elif row.endswith("kpps"):
            compare(row, "both peers", ">=", 1.3, max, *slirp, *pasta)
        for ending, target in ((" retransmits", 0), ("engine MiB, 10000 idle flows", 16), ("CPU %, 10000 idle flows", 0.1)):
            if row.endswith(ending) and middle(row, "sbx"):
                verdict(row, middle(row, "sbx")[0], "<=", target)


def start_engines(only):
    engines = [Engine("loopback"), Sbx("sbx"), Slirp(1500), Slirp(65520), Pasta(1500), Pasta(65520)]
    ready = []
    for engine in engines:
        if only and not any(name in engine.name for name in only):
            continue
        try:
            engine.start()
            engine.run("true")
            ready.append(engine)
        except (RuntimeError, OSError) as why:
            print(f"{engine.name}: left out: {why}")
            engine.stop()
    return ready


def measure_idle(engines, results):
    """Each engine anew, so that no buffer of an earlier test counts."""
    for engine in engines:
        engine.stop()
        engine.start()
        engine.run("true")
        for flows in (2000, 10000) if engine.name == "sbx" else (2000,):  # 10,000 take slirp4netns minutes
            for row, value in idle(flows)(engine).items():
                results.setdefault(row, {}).setdefault(engine.name, []).append(value)


def measure_all(engines, options):
    results = {}
    for number in range(options.rounds):
        turn = engines[number % len(engines):] + engines[:number % len(engines)]
        for kind, measure in measurements():
            if options.kinds and kind not in options.kinds:
                continue
            for engine in turn:
                for row, value in measure(engine).items():
                    results.setdefault(row, {}).setdefault(engine.name, []).append(value)
    for engine in engines if results else []:
        if engine.processes():
            results.setdefault("engine MiB after all that", {})[engine.name] = [resident_mib(engine.processes())]
    if not options.kinds or "idle" in options.kinds:
        measure_idle(engines, results)
    return results


def main():
    global SBX, TRAFFIC, SECONDS
    parser = argparse.ArgumentParser()
    parser.add_argument("sbx")
    parser.add_argument("traffic")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--only", type=lambda text: text.split(","), help="engines whose name has one of these words")
    parser.add_argument("--kinds", type=lambda text: text.split(","), help="tcp, tcp6, rr, crr, udp, idle, launch")
    options = parser.parse_args()
    SBX, TRAFFIC, SECONDS = os.path.abspath(options.sbx), os.path.abspath(options.traffic), options.seconds
    missing = [name for name in ("unshare", "ip", "iperf3", "setpriv") if not shutil.which(name)]
    if missing:
        sys.exit(print(f"network: not measured: {', '.join(missing)} not installed"))
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))  # for the idle flows, in the engines too
    enter_fake_host()
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    servers = [subprocess.Popen(["iperf3", "-s"], **quiet), subprocess.Popen([TRAFFIC, "serve", str(PORT)], **quiet)]
    engines = start_engines(options.only)
    time.sleep(0.3)
    try:
        print(f"network, {os.cpu_count()} cores, kernel {os.uname().release}, median of {options.rounds} interleaved rounds,"
              f" the host sends with {read('/proc/sys/net/ipv4/tcp_congestion_control').strip()}")
        results = measure_all(engines, options)
        print_table(results, [engine.name for engine in engines])
        print_verdicts(results)
        for engine in engines:
            engine.stop()
        if not options.kinds or "launch" in options.kinds:
            print_launches(50)
    finally:
        for engine in engines:
            engine.stop()
        for server in servers:
            server.kill()


main()
