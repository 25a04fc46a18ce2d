"""What a comparison leaves behind: a table, a summary and a plot."""

import collections
import csv

COLUMNS = [
    "table",
    "line",
    "model",
    "class",
    "gpu",
    "tp",
    "pp",
    "dp",
    "ep",
    "precision",
    "engine",
    "input_len",
    "output_len",
    "concurrency_or_rate",
    "metric",
    "kind",
    "predicted",
    "measured",
    "error",
]


def quantile(values, share):
    """Linear between the sorted values."""
    values = sorted(values)
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def write_table(path, compared, more_columns=()):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*COLUMNS, *more_columns], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in compared:
            writer.writerow(
                dict(row, predicted=f"{row['predicted']:.6g}", measured=f"{row['measured']:.6g}",
                     error=f"{row['error']:.4f}")
            )


def groups(compared, keys):
    """(names, rows, median of the signed error, median and 90th percentile of its size), sorted by name."""
    errors = collections.defaultdict(list)
    for row in compared:
        errors[tuple(row[key] for key in keys)].append(row["error"])
    for names in sorted(errors):
        signed = errors[names]
        sizes = [abs(error) for error in signed]
        yield names, len(signed), quantile(signed, 0.5), quantile(sizes, 0.5), quantile(sizes, 0.9)


def markdown(compared, keys):
    lines = [
        "| " + " | ".join(keys) + " | rows | median signed | median | 90th percentile |",
        "|" + "---|" * len(keys) + "--:|--:|--:|--:|",
    ]
    for names, n, signed, median, high in groups(compared, keys):
        cells = [*names, n, f"{100 * signed:+.0f} %", f"{100 * median:.0f} %", f"{100 * high:.0f} %"]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def replace_between(path, begin, end, body):
    """Put `body` between two marks of a page."""
    head, rest = path.read_text(encoding="utf-8").split(begin)
    tail = rest.split(end)[1]
    path.write_text(f"{head}{begin}\n\n{body}\n\n{end}{tail}", encoding="utf-8")


def text(compared, keys):
    for names, n, signed, median, high in groups(compared, keys):
        yield (
            f"  {', '.join(names):64.64} {n:5d} rows   signed {100 * signed:+7.1f} %   "
            f"median {100 * median:6.1f} %   p90 {100 * high:6.1f} %"
        )


def plot(path, compared):
    """Predicted over measured, a panel for each kind of metric. False without matplotlib, which is an extra."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot

    kinds = sorted({row["kind"] for row in compared})
    figure, panels = pyplot.subplots(1, len(kinds), figsize=(5 * len(kinds), 5), squeeze=False)
    for panel, kind in zip(panels[0], kinds):
        rows = [row for row in compared if row["kind"] == kind]
        for name in sorted({row["table"] for row in rows}):
            mine = [row for row in rows if row["table"] == name]
            panel.loglog(
                [row["measured"] for row in mine], [row["predicted"] for row in mine], ".", markersize=3, label=name
            )
        ends = [min(row["measured"] for row in rows), max(row["measured"] for row in rows)]
        panel.plot(ends, ends, color="black", linewidth=0.8)
        panel.set(title=kind, xlabel="measured", ylabel="predicted")
        panel.legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    return True
