"""What a baseline changes of one repository. Nothing here calls AWS.

The repository keeps what its stack, or another resource, declares of it. Its record says what an earlier pass put,
which is the baseline's to change; everything else that a repository has is somebody else's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.baselines.baseline import ENFORCE
from ecr_controller.repository.changes import NOTHING, difference_of_adopted
from ecr_controller.repository.model import Encryption, Repository
from ecr_controller.repository.record import Record
from ecr_controller.repository.settings import LifecyclePolicyText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.repository.changes import Change, Setting
    from ecr_controller.repository.spec import RepositorySpec

_EMPTY = Repository("", "", "", "", Encryption())


@dataclass(frozen=True, slots=True)
class Application:
    """What is put on one repository: ``spec`` has it alone, and ``settings`` are those that are the baseline's."""

    spec: RepositorySpec
    settings: Sequence[Setting[Any]]
    changes: Sequence[Change[Any]]

    @property
    def policy_changes(self) -> bool:
        """Whether the lifecycle policy changes to a declared one, which has bounds."""
        return any(each.setting.name == LifecyclePolicyText.name and each.new is not None for each in self.changes)

    @property
    def sets_policy(self) -> bool:
        """Whether the lifecycle policy is the baseline's."""
        is_ours = any(each.name == LifecyclePolicyText.name for each in self.settings)
        return is_ours and self.spec.lifecycle_policy is not None

    def before(self, record: Record, found: Repository) -> Record:
        """The record before the changes: of what is put now and was not before, it has what there is now."""
        before = self._with_kept(record, record.before_change(self.settings, found, self.spec))
        observed = {key: value for each in self.settings for key, value in each.observed_values(found).items()}
        fresh = {key: observed.get(key) for key in before.put if key not in record.put}
        return replace(before, was={**before.was, **fresh})

    def after(self, record: Record) -> Record:
        """The record after them."""
        return self._with_kept(record, record.after_change(self.settings, self.spec))

    def _with_kept(self, record: Record, changed: Record) -> Record:
        """What was put of other settings stays recorded."""
        names = {each.name for each in self.settings}
        kept = {key: put for key, put in record.put.items() if key.partition(".")[0] not in names}
        return replace(changed, put={**kept, **changed.put})


def plan(
    found: Repository,
    spec: RepositorySpec,
    mode: str,
    record: Record | None,
    settings: Sequence[Setting[Any]],
    *,
    without_policy: bool = False,
) -> Application:
    """What the baseline with this spec puts on the repository; ``without_policy``, its lifecycle policy is left alone,
    as another resource declares it, or a bound is exceeded."""
    settings = without(LifecyclePolicyText.name, settings) if without_policy else settings
    record = Record("", {}, {}) if record is None else record
    if mode != ENFORCE:
        for setting in settings:
            spec = _missing(setting, spec, found, record)
    return Application(spec, settings, difference_of_adopted(settings, found, spec, NOTHING, record))


def _missing(setting: Setting[Any], spec: RepositorySpec, found: Repository, record: Record) -> RepositorySpec:
    """The spec with what the repository does not have of the setting, and with what the baseline put."""
    if setting.is_shared:
        return spec
    has, default = setting.observed_values(found), setting.observed_values(_EMPTY)

    def is_free(key: str) -> bool:
        ours = any(setting.is_same(has.get(key), put) for put in record.put.get(key, ()))
        return ours or has.get(key) == default.get(key)

    return setting.restricted(spec, is_free)


def gone(found: Repository, record: Record, settings: Sequence[Setting[Any]]) -> list[Change[Any]]:
    """What goes back to its value before the baseline: what is still as it was put, the last one first."""
    return difference_of_adopted(settings, found, NOTHING, NOTHING, record)[::-1]


def without(name: str, settings: Sequence[Setting[Any]]) -> list[Setting[Any]]:
    """The settings without the one of that name."""
    return [each for each in settings if each.name != name]
