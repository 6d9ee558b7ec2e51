"""What a user declares as text beside the indicators (goals, policy choices): how such files are read, and what is said of a mistake."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ingest.datacenter import here
from ingest.errors import explained
from ingest.words import did_you_mean

_Model = TypeVar("_Model", bound=BaseModel)


def declared(files: Iterable[Path], kind: type[_Model], problems: list[str]) -> Iterator[tuple[Path, _Model]]:
    """The files that can be read, with what they declare; of the others, problems gets a line per mistake."""
    for file in files:
        content: object = None
        try:
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
            found = kind.model_validate(content)
        except UnicodeDecodeError as error:
            problems.append(f"{file.name}: not readable as UTF-8: {error}. Save it as UTF-8")
        except yaml.YAMLError as error:
            problems.append(f"{file.name}: not readable as YAML: {error}")
        except ValidationError as error:
            problems += [f"{file.name}: {line}" for line in explained(error, content)]
        else:
            yield file, found


def no_indicator(name: str, known: Collection[str]) -> str:
    """What to say of the name of an indicator that there is not."""
    return f"there is no indicator {name}.{did_you_mean(name, known)}"


def is_ours(region_code: str) -> bool:
    """Whether a region is one of this data centre's, or its group."""
    return region_code == here().code or here().owns(region_code)
