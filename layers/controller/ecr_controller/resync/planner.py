"""The plan of a resync: a message for each repository, on a queue that bounds how many are looked at at once."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.config import config
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.patterns import matches
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository.model import is_name
from ecr_controller.resync import leftovers
from ecr_controller.resync.messages import of_name, of_repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient

PATTERN = "RepositoryName"
# Of SQS: messages of a call.
_MOST = 10


@aws.translates_errors
class ResyncQueue:
    """The queue RESYNC_QUEUE. A message is one of `messages`."""

    _sqs: aws.Client[SQSClient] = aws.Client("sqs")

    def send_messages(self, bodies: Sequence[str]) -> None:
        """SendMessageBatch, with at most 10 messages. Raises RetryableError if the queue did not take all of them."""
        batch: Any = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        answer = self._sqs.send_message_batch(QueueUrl=config().resync_queue, Entries=batch)
        if answer.get("Failed"):
            raise RetryableError(f"The queue did not take {len(answer['Failed'])} messages. The plan is repeated.")


def plan_resync(event: Mapping[str, Any]) -> int:
    """Send the repositories of the event to the queue, and return their number.

    The event has a pattern as ``RepositoryName``, or nothing for all that the controller manages; then what belongs to
    no repository is looked at, too. Raises UserError and RetryableError.
    """
    pattern, managed = event.get(PATTERN), config().repository_names or "*"
    if pattern is not None and not isinstance(pattern, str):
        raise UserError(f"{PATTERN} must be the name of a repository, or a pattern such as team/*.")
    queue, names = ResyncQueue(), set[str]()
    if pattern and is_name(pattern):
        names.add(pattern)
        queue.send_messages([of_name(pattern)])
        return 1
    wanted = [managed, pattern] if pattern else [managed]
    found = (each for each in _all() if all(matches(one, each["repositoryName"]) for one in wanted))
    for group in _grouped(found):
        names |= {each["repositoryName"] for each in group}
        queue.send_messages([of_repository(each) for each in group])
    sent = len(names)
    if not pattern:
        gone = (of_name(each) for each in leftovers.of_repositories() if each not in names and matches(managed, each))
        for bodies in _grouped(gone):
            queue.send_messages(bodies)
    return sent


def _all() -> Iterator[Any]:
    repositories, token = Repositories(), None
    while True:
        page, token = repositories.describe_page(token)
        yield from page
        if token is None:
            return


def _grouped(each: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(each)
    while group := list(islice(left, _MOST)):
        yield group
