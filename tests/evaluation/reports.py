"""A report of three queries, as it is, as JSON, and beside a baseline."""

from qembed.evaluation import Report, apply_drops, differences, report_json

REPORT = Report(
    {"nDCG@10": 0.6, "RR@10": 0.5},
    {
        "q1": {"nDCG@10": 1.0, "RR@10": 1.0},
        "q3": {"nDCG@10": 0.4, "RR@10": 0.0},
        "q2": {"nDCG@10": 0.4, "RR@10": 0.5},
    },
    3,
)


def as_json(report=REPORT, **more):
    return report_json(report, **({"settings": {}, "recipe": None, "gates": []} | more))


def beside(baseline, report=REPORT, drops=(), significant=(), alpha=0.05):
    return apply_drops(drops, significant, differences(baseline, report), alpha)
