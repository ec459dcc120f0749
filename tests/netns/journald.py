# Stands for journald on the host it runs on: takes datagrams at journald's place and writes them to a file, then becomes the
# program named behind. Arguments: the file, "reads" or "stands-still" (from the start, its queue full), the program and its arguments.
import os, signal, socket, subprocess, sys

path, reads, program = sys.argv[1], sys.argv[2] == "reads", sys.argv[3:]
# A short queue, so that it fills as soon as nobody reads.
with open("/proc/sys/net/unix/max_dgram_qlen", "w") as length:
    length.write("4")
os.makedirs("/run/systemd", exist_ok=True)
subprocess.run(["mount", "-t", "tmpfs", "none", "/run/systemd"], check=True)
os.makedirs("/run/systemd/journal")
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind("/run/systemd/journal/socket")
open(path, "wb").close()
reader = os.fork()
if reader == 0:
    with open(path, "wb", buffering=0) as file:
        while True:
            file.write(ear.recv(1 << 16) + b"\n")
with open(path + ".pid", "w") as file:
    file.write(str(reader))
if not reads:
    os.kill(reader, signal.SIGSTOP)
    os.waitpid(reader, os.WUNTRACED)
    mouth = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    mouth.setblocking(False)
    try:
        while True:
            mouth.sendto(b"MESSAGE=filler\n", "/run/systemd/journal/socket")
    except BlockingIOError:
        mouth.close()
stat = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{stat.st_dev}:{stat.st_ino}"
os.environ["EMQX_LOG__TO"] = "journald"
os.execvp(program[0], program)
