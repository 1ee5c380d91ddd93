"""The guest's image: Debian's packages in a disk, its kernel, and the state of the machine once it has booted.
Made by anyone with subordinate ids (mmdebstrap in a user namespace) or by root, once, and kept in
${XDG_CACHE_HOME:-~/.cache}/sbx-vm under a name that is the hash of all it is made of."""
import fcntl
import hashlib
import os
import pathlib
import platform
import pwd
import shutil
import subprocess
import tempfile
import time

import qemu

HERE = pathlib.Path(__file__).resolve().parent
SUITE = "bookworm"
KERNEL = "linux-image-cloud-amd64"
PACKAGES = ("systemd systemd-sysv udev dbus dbus-user-session libpam-systemd apparmor uidmap iproute2 procps kmod "
            "util-linux-extra busybox-static stress-ng attr fuse-overlayfs python3 git").split()
PROGRAMS = {qemu.PROGRAM: "qemu-system-x86", "mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs"}
UNUSED_SECONDS = 14 * 86400  # after so long an image is removed
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")


def cache():
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "sbx-vm"


def directory(kernel):
    digest = hashlib.sha256(f"{kernel} {SUITE} {PACKAGES} {qemu.version()}".encode())
    for file in sorted([*HERE.glob("*.py"), *HERE.glob("guest/*")]):
        digest.update(file.read_bytes())
    return cache() / f"{kernel}.{digest.hexdigest()[:16]}"


def why_not(kernel):
    """The reason why there can be no guest here, or None."""
    if platform.machine() != "x86_64":
        return f"the guest is an x86_64 machine, this one is {platform.machine()}"
    absent = [package for program, package in PROGRAMS.items() if not find(program)]
    if absent:
        return f"not installed: {' '.join(absent)}"
    if os.getuid() == 0 or directory(kernel).exists():
        return None
    user = pwd.getpwuid(os.getuid()).pw_name
    lines = pathlib.Path("/etc/subuid").read_text().splitlines() if os.path.exists("/etc/subuid") else []
    if not any(line.split(":")[0] in (user, str(os.getuid())) for line in lines):
        return f"the image is made by root or with subordinate ids, and /etc/subuid has none for {user}"
    if subprocess.run(["unshare", "--user", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        return "the image is made by root or in a user namespace, and there are none here"
    return None


def find(program):
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def ensure(kernel):
    """The image's directory; makes it where it is missing."""
    where = directory(kernel)
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not where.exists():
            make(kernel, where)
        os.utime(where)
        for other in cache().iterdir():  # other versions of the tests have theirs here, too
            if other.is_dir() and time.time() - other.stat().st_mtime > UNUSED_SECONDS:
                shutil.rmtree(other)
    return where


def make(kernel, where):
    started = time.monotonic()
    unfinished = cache() / f"{where.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    # Not in the cache: the ids of a user namespace need not get into a home.
    with tempfile.TemporaryDirectory(prefix="sbx-vm.") as work:
        install(kernel, pathlib.Path(work))
        for name in ("root.img", "vmlinuz", "initrd"):
            subprocess.run(["cp", "--sparse=always", f"{work}/files/{name}", unfinished / name], check=True)
        print(f"{time.monotonic() - started:.0f} s: {kernel} of {SUITE} is installed", flush=True)
        payload = pathlib.Path(work) / "payload.img"
        make_payload(payload, [])
        with qemu.boot(unfinished, payload, write=True) as guest:
            guest.save(unfinished / "state")
    unfinished.rename(where)
    print(f"{time.monotonic() - started:.0f} s: booted, and its state saved in {where}", flush=True)


def install(kernel, work):
    """root.img, vmlinuz and initrd into work/files. A hook's $1 is the new root directory."""
    os.chmod(work, 0o755)
    (work / "files").mkdir()
    os.chmod(work / "files", 0o1777)
    hooks = [
        f"copy-in {HERE}/guest /usr/local/lib",
        # Unpacked, not installed: that would bring a generator of initrds and its hooks.
        f'cd {work}/files && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" && '
        f"real=$(apt-cache depends {kernel} | sed -n 's/ *Depends: \\(linux-image-[0-9].*\\)/\\1/p') && "
        f'apt-get download -q ${{real:-{kernel}}} && '
        'dpkg-deb --fsys-tarfile linux-image-*.deb | tar -x --keep-directory-symlink -C "$1"',
        'chroot "$1" /usr/local/lib/guest/setup',
        f'cp "$1"/boot/vmlinuz-* {work}/files/vmlinuz && cp "$1/boot/initrd" {work}/files/initrd',
        # A plain bind leaves out what is mounted below, /proc for one.
        f"truncate -s 2G {work}/files/root.img && unshare --mount sh -c 'mount --bind \"$1\" /mnt && mke2fs -q -t ext4 -m 0 -O ^has_journal -d /mnt "
        f"{work}/files/root.img' sh \"$1\""]
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}",
               "--aptopt=Acquire::Retries \"3\"", *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
               *(f"--customize-hook={hook}" for hook in hooks), SUITE, "/dev/null", "-"]
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    for _ in range(2):  # a mirror has its moments
        if subprocess.run(command, input=sources(), text=True, env={**os.environ, "PATH": path}).returncode == 0:
            return
        for left in (work / "files").iterdir():
            left.unlink()
    raise qemu.GuestError("mmdebstrap could not install it")


def sources():
    """This machine's own mirrors of Debian, or Debian's."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages", "Origin: Debian",
         "Component: main"], stdout=subprocess.PIPE, text=True).stdout.splitlines()
    wanted = [f"deb {line} main\n" for line in sorted(set(listed))
              if line.split()[1] in (SUITE, f"{SUITE}-updates", f"{SUITE}-security")]
    return "".join(wanted) or (f"deb http://deb.debian.org/debian {SUITE} main\n"
                               f"deb http://deb.debian.org/debian-security {SUITE}-security main\n")


def make_payload(disk, files):
    """A disk that is a tar archive of files."""
    subprocess.run(["tar", "-cf", disk, "--owner=root:0", "--group=root:0", "--mode=a+rX", "--transform=s,.*/,,",
                    "--no-recursion", "--dereference", *(["-P", "--", *files] if files else ["-T", "/dev/null"])], check=True)
    if disk.stat().st_size > qemu.PAYLOAD_BYTES:
        raise qemu.GuestError(f"sbx and its tests are more than {qemu.PAYLOAD_BYTES >> 20} MiB")
    os.truncate(disk, qemu.PAYLOAD_BYTES)
