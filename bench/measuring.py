"""What compare, growth and builds share: building the programs, running them in rounds, keeping what
was measured in a file, and writing tables into a document."""

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 180  # seconds that a program may take before it is given up
DOCUMENT = ROOT / "docs" / "performance.md"
# glibc gives what is freed back to the system, at every step of a training whose memory is allocated
# anew; with the first three it keeps it. With the last it asks for large pages, as the library does.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592",
             "MALLOC_TOP_PAD_": "268435456", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def build(folder, targets, options, args):
    """Configures and builds the named programs, unless args.no_build; returns their folder."""
    if args.no_build:
        return folder / "bench"
    common = ["-DCMAKE_BUILD_TYPE=Release", "-DNN_BUILD_TESTS=OFF", "-DNN_BUILD_EXAMPLES=OFF",
              "-DNN_BUILD_BENCH=ON"]
    subprocess.run(["cmake", "-S", ROOT, "-B", folder, *common, *options], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--parallel", str(args.jobs or os.cpu_count()),
                    "--target", *targets], check=True, stdout=subprocess.DEVNULL)
    return folder / "bench"


def openblas_core():
    """The kernels that OpenBLAS is to use, or None for those that it chooses: where it does not know
    a processor's model, it takes those for SSE3, even if there is AVX-512."""
    cpuinfo = Path("/proc/cpuinfo")
    flags = set(re.search(r"^flags.*", cpuinfo.read_text(), re.M)[0].split()) if (
        platform.machine() == "x86_64" and cpuinfo.exists()) else set()
    if not {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= flags:
        return None
    return "Cooperlake" if "avx512_bf16" in flags else "SkylakeX"


def environment(threads):
    """The same for every library: so many threads, and the OpenMP build of OpenBLAS where there is
    one, since its other build and libtorch's OpenMP threads wait for each other in busy loops."""
    variables = dict(os.environ)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_WAIT_POLICY", "OMP_PROC_BIND",
                 "GOMP_SPINCOUNT", "GOMP_CPU_AFFINITY"):
        variables.pop(name, None)
    variables.update(OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads), **ALLOCATOR)
    if core := openblas_core():
        variables["OPENBLAS_CORETYPE"] = core
    folder = Path("/usr/lib") / f"{platform.machine()}-linux-gnu" / "openblas-openmp"
    if folder.exists():
        variables["LD_LIBRARY_PATH"] = f"{folder}:{variables.get('LD_LIBRARY_PATH', '')}"
    return variables


def run_benchmarks(program, names, threads, seconds):
    """Runs a Google Benchmark program for the given benchmarks, in one process. Returns what it wrote
    as JSON, or None where it failed, and the most memory that the process had, in MiB."""
    wanted = "|".join(re.escape(name) for name in names)
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        command = [program, f"--benchmark_filter=^({wanted})(/real_time)?$",
                   f"--benchmark_min_time={seconds}", f"--benchmark_out={result.name}",
                   "--benchmark_out_format=json"]
        process = subprocess.Popen(command, env=environment(threads), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        guard = threading.Timer(LONGEST, process.kill)
        guard.start()
        _, status, usage = os.wait4(process.pid, 0)
        guard.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        text = Path(result.name).read_text()
    report = json.loads(text) if process.returncode == 0 and text.strip() else None
    return report, usage.ru_maxrss / 1024


class Measurement:
    """Some benchmarks of one program, taken together in one process."""

    def __init__(self, program, contender, names, threads, counter="items_per_second", seconds=0.3,
                 aliases=None):
        self.program, self.contender, self.names = program, contender, names
        self.threads, self.counter, self.seconds = threads, counter, seconds
        self.aliases = aliases or {}  # the name in the table of what the program calls otherwise

    @property
    def identity(self):
        return f"{self.contender}|{self.threads}|{'+'.join(self.names)}"


class Record:
    """What was measured, kept in a file after every process, so that a run can be interrupted,
    continued and shown at any time."""

    def __init__(self, path, fresh=False):
        self.path = path
        self.content = {"rounds": {}, "values": {}, "memory": {}, "context": {}, "labels": {},
                        "built": {}, "about": {}}
        if path.exists() and not fresh:
            self.content = json.loads(path.read_text())

    def save(self):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".part")
        temporary.write_text(json.dumps(self.content, indent=1))
        temporary.replace(self.path)

    def rounds_of(self, measurement):
        return self.content["rounds"].get(measurement.identity, 0)

    def add(self, measurement, report, memory):
        self.content["rounds"][measurement.identity] = self.rounds_of(measurement) + 1
        if report is not None:
            if "nn" in report["context"]:
                self.content["built"][measurement.contender] = report["context"]["nn"]
            self.content["context"].update(
                {name: report["context"][name]
                 for name in ("nn", "libtorch", "ONNX Runtime", "oneDNN", "BLAS")
                 if name in report["context"]})
            for run in report["benchmarks"]:
                if run.get("error_occurred") or measurement.counter not in run:
                    continue
                name = run["name"].removesuffix("/real_time")
                name = measurement.aliases.get(name, name)
                key = f"{name}|{measurement.threads}|{measurement.contender}"
                if "label" in run:
                    self.content["labels"][name] = run["label"]
                if "GFLOP/s" in run and measurement.counter != "GFLOP/s":
                    self.content.setdefault("operations", {})[name] = 1e9 * run["GFLOP/s"] / run[measurement.counter]
                self.content["values"].setdefault(key, []).append(run[measurement.counter])
                self.content["memory"].setdefault(key, []).append(memory)
        self.save()

    def values(self, name, threads, contender):
        return self.content["values"].get(f"{name}|{threads}|{contender}", [])

    def median(self, name, threads, contender):
        values = self.values(name, threads, contender)
        return statistics.median(values) if values else None

    def memory(self, name, threads, contender):
        values = self.content["memory"].get(f"{name}|{threads}|{contender}", [])
        return statistics.median(values) if values else None

    def label(self, name):
        """What the program says of this benchmark's shape."""
        return self.content["labels"].get(name, "")

    def operations(self, name):
        """How many operations an item takes by its definition, or None."""
        return self.content.get("operations", {}).get(name)

    def how(self):
        """How it was measured, in words."""
        return (f"Measured by `{self.about['command']}` in {self.about.get('seconds', 0) / 60:.1f} "
                f"minutes on {self.about['machine']}, at commit {self.about['commit']}: medians of "
                f"{min(self.content['rounds'].values(), default=0)} rounds")

    @property
    def about(self):
        return self.content["about"]


def run_rounds(record, measurements, rounds, minutes=None):
    """Takes every measurement once in each round, one after the other, so that what is compared is
    measured side by side, on a machine whose speed drifts; every other round goes backwards. Stops
    after so many minutes, if given. Returns whether all was measured."""
    began = time.monotonic()
    todo = [(number, measurement)
            for number in range(rounds)
            for measurement in (measurements if number % 2 == 0 else reversed(measurements))
            if record.rounds_of(measurement) <= number]
    for done, (number, measurement) in enumerate(todo):
        spent = time.monotonic() - began
        if minutes is not None and spent > 60 * minutes:
            print(f"\nstopped after {minutes} minutes in round {number + 1}: run the same command "
                  "again to go on", file=sys.stderr)
            return False
        left = f", about {spent / done * (len(todo) - done) / 60:.1f} min left" if done > 20 else ""
        text = f"round {number + 1} of {rounds}, {spent / 60:.1f} min{left}: " \
               f"{measurement.names[0]}, {measurement.contender}"
        if sys.stderr.isatty():
            print(f"\r\033[K{text[:110]}", end="", file=sys.stderr, flush=True)
        elif done % 100 == 0:
            print(text, file=sys.stderr, flush=True)
        started = time.monotonic()
        result = run_benchmarks(measurement.program, measurement.names, measurement.threads,
                                measurement.seconds)
        record.about["seconds"] = (record.about.get("seconds", 0) + time.monotonic() - started)
        record.add(measurement, *result)
    print(f"\nmeasured in {(time.monotonic() - began) / 60:.1f} min", file=sys.stderr)
    return True


def spread(values):
    """The range of the middle half over the median; of all values where they are few."""
    if len(values) < 4:
        return (max(values) - min(values)) / statistics.median(values)
    quarters = statistics.quantiles(values, n=4)
    return (quarters[2] - quarters[0]) / statistics.median(values)


def short(value):
    """Three significant digits."""
    if value is None:
        return "–"
    for limit, unit in ((1e6, " M"), (1e4, " k")):
        if value >= limit:
            return f"{value / limit * (10 if limit == 1e4 else 1):.3g}{unit}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def table(heading, rows):
    lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def machine():
    """The processor, its cores and caches, in words."""
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    caches = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (index / "type").read_text().strip() != "Instruction":
            level, size = ((index / name).read_text().strip() for name in ("level", "size"))
            caches.append(f"L{level} {size}")
    return f"{fields.get('model name', platform.machine())} ({os.cpu_count()} cores" + \
        (f"; {', '.join(caches)}" if caches else "") + ")"


def shown_command(name):
    """The command line, without what does not change what is measured."""
    words = iter(sys.argv[1:])
    kept = ["bench/" + name]
    for word in words:
        if word in ("--build", "--jobs", "--minutes", "--notebook"):
            next(words, None)
        elif word not in ("--document", "--fresh", "--no-build"):
            kept.append(word)
    return " ".join(kept)


def commit():
    if shutil.which("git") is None:
        return "unknown"
    found = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True,
                           text=True, check=False)
    return found.stdout.strip() or "unknown"


def about_this(name):
    """What there is to say of a run of the command `name`."""
    return {"command": shown_command(name), "machine": machine(), "commit": commit()}


def write_section(path, name, text):
    """Replaces what stands between <!-- name: ... --> and <!-- end of name --> in a document."""
    document = path.read_text()
    pattern = re.compile(rf"(<!-- {name}:[^>]*-->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if not pattern.search(document):
        raise SystemExit(f"{path}: there is no section <!-- {name}: ... --> to write into")
    path.write_text(pattern.sub(lambda match: match[1] + text.strip() + "\n" + match[2], document))
    print(f"wrote the section '{name}' of {path}", file=sys.stderr)
