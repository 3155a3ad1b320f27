"""A page of metrics as tests read it: parsed by the Prometheus library, asked by name and labels."""

import msgspec
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


class Page(msgspec.Struct, frozen=True):
    """What one or several processes served."""

    text: str
    samples: list[Sample]

    @property
    def names(self) -> set[str]:
        """Names of the metrics that have a sample; a histogram counts once."""
        return {
            sample.name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for sample in self.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples with at least these labels; there must be one."""
        found = [s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items()]
        assert found, (name, labels)
        return sum(found)

    def labels(self, name: str, label: str) -> set[str]:
        """The values of one label."""
        return {sample.labels[label] for sample in self.samples if sample.name == name}


def parse(*texts: str) -> Page:
    """The pages of several processes as one."""
    samples = [sample for text in texts for family in text_string_to_metric_families(text) for sample in family.samples]
    return Page(text="".join(texts), samples=samples)
