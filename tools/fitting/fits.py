"""All fits of one GPU, and what stands in for them on a GPU without measurements."""
import itertools

from . import classes, exchange, experts

# GPU in the library → its name in the tables, sources of each kind of table, whether a switch joins its GPUs
MEASURED = {
    "a100-80g-sxm": ("a100_sxm", "vllm-0.14.0", "trtllm-1.0.0", "switch"),
    "h100-sxm": ("h100_sxm", "vllm-0.24.0", "trtllm-1.3.0rc20", "reducing switch"),
    "h200-sxm": ("h200_sxm", "vllm-0.24.0", "trtllm-1.3.0rc20", "reducing switch"),
    "b200-sxm": ("b200_sxm", "vllm-0.24.0", "trtllm-1.3.0rc20", "reducing switch"),
    "gb200": ("gb200", "vllm-0.24.0", "trtllm-1.3.0rc20", "reducing switch"),
    "l40s": ("l40s", "vllm-0.24.0", "trtllm-1.3.0rc20", "host bridge, pairs"),
    "rtx-pro-6000": ("rtx_pro_6000_server", "vllm-0.24.0", "trtllm-1.3.0rc20", "host bridge"),
}
NCCL = ("nccl-2.29.2", "nccl-2.27.3")
MLA = ("trtllm-1.3.0rc20", "trtllm-1.0.0")

def first_present(tables, gpu, operator, sources):
    return next((source for source in sources if tables.has(gpu, operator, source)), None)


class GpuFits:
    """(library, class[, format]) → Fit."""

    def __init__(self, tables, name, spec):
        self.tables = tables
        self.spec = spec
        self.gpu, self.vllm, self.trtllm, self.joined_by = MEASURED[name]
        self.fits = {}
        for library, source in (("vllm", self.vllm), ("trtllm", self.trtllm)):
            self.fit_products(library, source)
            self.fit_experts(library)
            self.fit_attention(library, source)
        self.fit_latent_attention()
        self.fit_collectives()
        self.fit_exchange()

    def add(self, key, fit):
        if fit is not None:
            self.fits[key] = fit

    def fit_products(self, library, source):
        tables, gpu, spec = self.tables, self.gpu, self.spec
        if library == "vllm":  # 16-bit products run in cuBLAS either way: both tables count
            self.add(("vllm", "gemm", "bf16"), classes.fit_gemm(tables, gpu, spec, "bf16", [self.vllm, self.trtllm]))
        quantize = classes.fit_quantize(tables, gpu, source, "scale_matrix")
        scale = classes.fit_quantize(tables, gpu, source, "computescale")
        launch = quantize.params["quantize_launch"] if quantize else 2e-6
        for name in ("fp8", "fp8_block", "int8", "int4", "nvfp4"):
            if not classes.is_computed(name, spec["peak"]) or (name == "fp8_block" and library == "vllm"):
                continue  # vLLM's rows of fp8_block are the CPU's time to launch: both libraries run DeepGEMM
            find_scale = scale.params["quantize_launch"] if scale and name == "fp8" else 0.0
            fit = classes.fit_gemm(tables, gpu, spec, name, [source], launch + find_scale)
            if fit and name == "fp8" and quantize:
                fit.params.update(quantize.params)
            elif fit and name in ("int8", "nvfp4", "fp8_block"):
                fit.params.update({k: fit.benchmark[k] for k in classes.NO_QUANTIZE})
            self.add((library if name in ("fp8", "nvfp4") else "vllm", "gemm", name), fit)
        self.add((library, "memory"), classes.fit_memory(tables, gpu, spec, source))

    def fit_experts(self, library):
        sources = {"vllm": self.vllm, "trtllm": self.trtllm}
        moves = experts.moving_kernels(self.tables, self.gpu, self.spec, (sources[library], self.vllm))
        for name, rows, source in experts.measured(self.tables, self.gpu, self.spec, library, sources):
            self.add((library, "grouped_gemm", name), experts.fit(rows, self.spec, moves, source))

    def fit_attention(self, library, source):
        tables, gpu, spec = self.tables, self.gpu, self.spec
        self.add((library, "prefill"), classes.fit_prefill(tables, gpu, spec, source, "bfloat16"))
        narrow = classes.fit_prefill(tables, gpu, spec, source, "fp8", "fp8")  # where the library multiplies in fp8
        self.add((library, "prefill_fp8"), narrow or classes.fit_prefill(tables, gpu, spec, source, "fp8"))
        for name, kind in (("decode", "shared"), ("mha_decode", "single")):
            self.add((library, name), classes.fit_decode(tables, gpu, spec, source, "bfloat16", kind))
            self.add((library, f"{name}_fp8"), classes.fit_decode(tables, gpu, spec, source, "fp8", kind))

    def fit_latent_attention(self):
        tables, gpu, spec = self.tables, self.gpu, self.spec
        source = first_present(tables, gpu, "generation_mla", MLA)
        if source:
            self.add(("vllm", "mla_prefill"), classes.fit_prefill(tables, gpu, spec, source, "bfloat16", latent=True))
            self.add(("vllm", "mla_decode"), classes.fit_decode(tables, gpu, spec, source, "bfloat16", "latent"))
            self.add(("vllm", "mla_decode_fp8"), classes.fit_decode(tables, gpu, spec, source, "fp8", "latent"))

    def fit_collectives(self):
        tables, gpu, spec = self.tables, self.gpu, self.spec
        nccl = first_present(tables, gpu, "nccl", NCCL)
        if not nccl:
            return
        library = classes.fit_library_collectives(tables, gpu, spec, nccl, self.joined_by)
        self.fits["vllm", "nccl"] = library
        spec["link_latency"] = library.benchmark["latency"]
        for name, sources in (("vllm", (self.vllm, "vllm-0.22.0")), ("trtllm", (self.trtllm,))):
            source = first_present(tables, gpu, "custom_allreduce", sources)
            if source:
                self.add((name, "collectives"), classes.fit_direct_all_reduce(
                    tables, gpu, spec, source, library.params, self.joined_by))

    def fit_exchange(self):
        for kernels, library, way in itertools.product(exchange.SOURCES, exchange.LIBRARIES, exchange.WAYS):
            self.add((kernels, "exchange", library, way),
                     exchange.fit(self.tables, self.gpu, self.spec, kernels, library, way))


def note(fit):
    held = fit.held()
    return (f"{', '.join(fit.sources)}: {len(fit.error)} rows; shapes left out: median error "
            f"{100 * median(held):.1f} %, 90th percentile {100 * quantile(held, 0.9):.0f} %")


def median(values):
    return quantile(values, 0.5)


def quantile(values, q):
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, int(q * len(ordered)))])


CLASS_ORDER = ("gemm", "grouped_gemm", "prefill", "prefill_fp8", "mla_prefill", "decode", "decode_fp8", "mha_decode",
               "mha_decode_fp8", "mla_decode", "mla_decode_fp8", "memory", "collectives", "exchange")


def is_usable(key, fit):
    """A class that is missed by more than a quarter is left to what it derives from; a mainstay has nothing else."""
    return median(fit.held()) < 0.25 or key[:2] == ("vllm", "collectives")


def libraries(gpu_fits):
    """The tree of parameters of a measured GPU, and the notes that say where each comes from."""
    found, notes = {}, {}
    usable = {key: fit for key, fit in gpu_fits.fits.items() if is_usable(key, fit)}
    for library in ("vllm", "trtllm"):
        found[library] = {}
        for name in CLASS_ORDER:
            for key, fit in usable.items():
                if key[0] != library or key[1] != name:
                    continue
                if name == "exchange":
                    found[library].setdefault(name, {}).setdefault(key[2], {})[key[3]] = fit.params
                elif len(key) == 3:
                    found[library].setdefault(name, {})[key[2]] = fit.params
                else:
                    found[library][name] = fit.params
                notes[key] = note(fit)
    return found, notes


BORROWED = {"gb200": ("b200-sxm", "vllm")}  # products of experts that no table has, from the other GPU with the same die


def complete(results, name):
    """The tree of a measured GPU with what it borrows from another one."""
    tree, notes = libraries(results[name])
    origin, library = BORROWED.get(name, (None, None))
    if origin in results:
        lent, _ = scale(libraries(results[origin])[0], results[origin].spec, results[name].spec, origin)
        tree[library]["grouped_gemm"] = lent[library]["grouped_gemm"]
        for format_name in tree[library]["grouped_gemm"]:
            notes[library, "grouped_gemm", format_name] = f"scaled from {origin}"
    return tree, notes


BRIDGED = "rtx-pro-6000"  # whose collectives stand in where a host bridge joins GPUs without measurements
BRIDGE_BYTES_PER_S = 100e9  # no host bridge is as fast


def is_bridged(target, origin):
    return target["link_bandwidth"] < BRIDGE_BYTES_PER_S <= origin["link_bandwidth"]


def scaled(measured, target):
    """The tree and notes of a GPU without measurements, and the latency of its link: kernels from one measured GPU,
    collectives from another where its GPUs are joined differently. `measured` has specification and tree by name."""
    name = target["scaled_from"]
    origin, tree = measured[name]
    links = BRIDGED if is_bridged(target, origin) else name
    tree, notes = scale(tree, origin, target, name)
    if links != name:
        for library, classes_of in measured[links][1].items():
            tree[library]["collectives"] = classes_of["collectives"]
            notes[library, "collectives"] = f"as {links}, on this GPU's links"
    return tree, notes, measured[links][0]["link_latency"]


def scale(tree, origin, target, name):
    """Parameters of `origin` for `target`: shares stay, rates of an SM follow its clock, what the whole GPU works off its
    SMs, what memory works off its bandwidth. The clock is that of the fp32 units: tensor cores differ on the same SM."""
    sms = origin["sm_count"] / target["sm_count"]
    memory = target["memory_bandwidth"] / origin["memory_bandwidth"]
    clock = (target["peak"]["fp32"] / target["sm_count"]) / (origin["peak"]["fp32"] / origin["sm_count"])

    def scaled(key, value):
        if key in ("kv_head", "quantize_row"):
            return value * sms
        if key == "quantize_bandwidth":
            return value * memory
        if key in ("sm_bandwidth", "block_bandwidth"):
            return value * min(1.0, clock)
        if key == "l2_bandwidth":
            return value * min(1.0, clock) / sms
        if key.startswith("tile_") and key != "tile_rows":  # more than the peak: something else limits the measured GPU
            return min(1.0, value)
        return value

    result, notes = {}, {}
    for library, kinds in tree.items():
        result[library] = {}
        for kind, params in kinds.items():
            if kind == "exchange":
                result[library][kind] = params
                notes.update({(library, kind, exchange_name, way): f"scaled from {name}"
                              for exchange_name, ways in params.items() for way in ways})
            elif kind in ("gemm", "grouped_gemm"):
                usable = {f: p for f, p in params.items() if classes.is_computed(f, target["peak"])}
                result[library][kind] = {f: {k: scaled(k, v) for k, v in p.items()} for f, p in usable.items()}
                notes.update({(library, kind, f): f"scaled from {name}" for f in usable})
            else:
                result[library][kind] = {k: scaled(k, v) for k, v in params.items()}
                notes[library, kind] = f"scaled from {name}"
    return result, notes
