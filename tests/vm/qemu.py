"""One emulated machine: QEMU started, resumed, saved and spoken with. It emulates (TCG), so it runs wherever QEMU
does; three virtio ports lead into the guest: requests to its agent, the test's output, and the agent's words."""
import json
import os
import selectors
import socket
import subprocess
import sys
import time

PROGRAM = "qemu-system-x86_64"
# norandmaps: TCG translates a program anew at each address, so that with random ones every exec takes four times
# as long. tsc and timer: calibrations that fail now and then on a slow machine.
KERNEL_ARGUMENTS = ("console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off nokaslr norandmaps tsc=reliable "
                    "no_timer_check random.trust_cpu=on")
PAYLOAD_BYTES = 64 << 20  # of the disk that carries sbx and the test; the saved state knows its size


class GuestError(Exception):
    pass


class Guest:
    """state: a saved state to resume. write: what the guest writes stays in the image. append: kernel arguments."""

    def __init__(self, image, payload, *, state=None, write=False, append="", timeout=300):
        self.deadline = time.monotonic() + timeout
        self.console = payload.with_name("console.log")
        ends = {name: socket.socketpair() for name in ("request", "output", "words", "monitor")}
        arguments = [
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "pc", "-cpu", "max",
            "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1024",
            "-kernel", image / "vmlinuz", "-initrd", image / "initrd", "-append", f"{KERNEL_ARGUMENTS} {append}",
            "-drive", f"file={image}/root.img,format=raw,if=virtio,cache=unsafe,snapshot={'off' if write else 'on'}",
            "-drive", f"file={payload},format=raw,if=virtio,readonly=on",
            "-serial", f"file:{self.console}", "-device", "virtio-serial-pci", "-mon", "monitor,mode=control"]
        for name, (_, theirs) in ends.items():
            arguments += ["-chardev", f"socket,id={name},fd={theirs.fileno()}"]
        for number, name in enumerate(("request", "output", "words"), start=1):
            arguments += ["-device", f"virtserialport,nr={number},chardev={name}"]
        if state:
            arguments += ["-incoming", f"exec:cat '{state}'"]
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", PROGRAM, *arguments],
                                        stdin=subprocess.DEVNULL,
                                        pass_fds=[theirs.fileno() for _, theirs in ends.values()])
        self.ours = {name: ours for name, (ours, theirs) in ends.items() if theirs.close() is None}
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for end in self.ours.values():
            end.close()

    def word(self):
        """The agent's next line. What the test prints meanwhile is passed on."""
        with selectors.DefaultSelector() as ready:
            for name in ("output", "words"):
                ready.register(self.ours[name], selectors.EVENT_READ, name)
            while b"\n" not in self.pending:
                if time.monotonic() > self.deadline:
                    raise TimeoutError
                for key, _ in ready.select(timeout=0.5):
                    bytes_read = key.fileobj.recv(65536)
                    if not bytes_read:
                        raise GuestError(f"the guest ended by itself; the end of its console:\n{self.console_end()}")
                    if key.data == "words":
                        self.pending += bytes_read
                    else:
                        pass_on(bytes_read)
        line, self.pending = self.pending.split(b"\n", 1)
        self.drain_output()
        return line.decode()

    def drain_output(self):
        """QEMU has the test's output before the agent's next word, so what there is of it is all."""
        self.ours["output"].setblocking(False)
        try:
            while bytes_read := self.ours["output"].recv(65536):
                pass_on(bytes_read)
        except BlockingIOError:
            pass
        self.ours["output"].setblocking(True)

    def request(self, line):
        self.ours["request"].sendall(line.encode() + b"\n")

    def save(self, state):
        """The booted machine into a file; QEMU ends."""
        with self.ours["monitor"].makefile("rw") as monitor:
            def execute(command, **arguments):
                monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
                monitor.flush()
                while True:
                    answer = json.loads(monitor.readline())
                    if "error" in answer:
                        raise GuestError(f"{command}: {answer['error']['desc']}")
                    if "return" in answer:
                        return answer["return"]
            execute("qmp_capabilities")
            execute("migrate-set-parameters", **{"max-bandwidth": 1 << 34})
            execute("migrate", uri=f"exec:cat >'{state}'")
            while (status := execute("query-migrate").get("status")) != "completed":
                if status in ("failed", "cancelled") or time.monotonic() > self.deadline:
                    raise GuestError(f"saving the booted state: {status}")
                time.sleep(0.1)
            execute("quit")
        self.process.wait()

    def console_end(self):
        lines = self.console.read_text(errors="replace").splitlines() if self.console.exists() else []
        return "\n".join(lines[-25:])


def pass_on(output):
    sys.stdout.flush()
    os.write(sys.stdout.fileno(), output)


def version():
    return subprocess.run([PROGRAM, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[0]


def boot(image, payload, **options):
    """A booted guest that has said it is ready. Under emulation one boot in a hundred hangs, so each has three tries."""
    for attempt in range(3):
        guest = Guest(image, payload, **{**options, "timeout": 120})
        try:
            if (word := guest.word()) != "ready":
                raise GuestError(f"the guest says {word!r} at its start")
            return guest
        except TimeoutError:
            print(f"the guest did not boot (try {attempt + 1}); the end of its console:\n{guest.console_end()}",
                  file=sys.stderr, flush=True)
            guest.__exit__()
        except GuestError:
            guest.__exit__()
            raise
    raise GuestError("the guest does not boot")
