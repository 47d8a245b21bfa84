"""Celery: address, number of tasks, payload; prints figures as JSON."""

import json
import os
import subprocess
import sys
import time

import redis
from celery import Celery, chain, chord

ADDRESS = os.environ.get("PEER_ADDRESS") or sys.argv[1]
app = Celery("celery_peer", broker=ADDRESS, backend=ADDRESS)
app.conf.update(
    task_acks_late=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    task_default_queue="bench",
)


@app.task
def noop(payload=""):
    return None


@app.task
def body(results):
    return len(results)


def cpu_of(root):
    """CPU seconds of a process and all that it started."""
    stats = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            stats[int(entry)] = (int(fields[1]), sum(map(int, fields[11:15])) / 100)
    family, total = [root], 0.0
    while family:
        one = family.pop()
        total += stats.get(one, (0, 0.0))[1]
        family += [child for child, (parent, _) in stats.items() if parent == one]
    return total


def main():
    tasks, payload, one_by_one = int(sys.argv[2]), sys.argv[3], 500
    server = redis.Redis.from_url(ADDRESS)

    def server_cpu():
        info = server.info("cpu")
        return info["used_cpu_user"] + info["used_cpu_sys"]

    started = time.monotonic()
    for sent in range(tasks):
        noop.delay(payload)
        if sent + 1 == one_by_one:
            rate = one_by_one / (time.monotonic() - started)
    figures = {"one_by_one_per_s": rate}
    folder = os.path.dirname(os.path.abspath(__file__))
    command = [sys.executable, "-m", "celery", "-A", "celery_peer", "worker", "-c", "2"]
    command += ["-P", "prefork", "-l", "error", "-Q", "bench", "--without-gossip", "--without-mingle"]
    server_before = server_cpu()
    environment = {**os.environ, "PEER_ADDRESS": ADDRESS}
    worker = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    try:
        started = None
        while (done := outcomes(server)) < tasks:
            # What it takes to start Python is not counted.
            if done and started is None:
                started = time.monotonic()
            time.sleep(0.01)
        elapsed = time.monotonic() - started
        figures["drained_per_s"] = tasks / elapsed
        figures["cpu_s_per_10k"] = cpu_of(worker.pid) / tasks * 10_000
        figures["server_cpu_s_per_10k"] = (server_cpu() - server_before) / tasks * 10_000
        started = time.monotonic()
        assert chord((noop.s() for _ in range(1000)), body.s())().get(timeout=60) == 1000
        figures["chord_1000_ms"] = (time.monotonic() - started) * 1000
        started = time.monotonic()
        chain(*(noop.si() for _ in range(200)))().get(timeout=60)
        figures["chain_200_ms"] = (time.monotonic() - started) * 1000
    finally:
        worker.terminate()
        worker.wait(30)
    print(json.dumps(figures))


def outcomes(server):
    """How many outcomes are stored: the keys that expire."""
    return server.info("keyspace").get("db0", {}).get("expires", 0)


if __name__ == "__main__":
    main()
