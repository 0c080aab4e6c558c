"""A tour of devhub over gRPC: the life of one API version, seen by everybody concerned.

An operator publishes two versions of an API, a developer subscribes an application to the first, a gateway asks whether
calls may pass, and the first version is deprecated. Its retirement is put off: the operator sees beforehand whom that
concerns, the developer is told, and moves on. What the hub answers is printed; the first answer that is not the one to
be expected ends the tour with a sentence and exit status 1.

Everything is made under names of this run, so any hub will do, empty or in use.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

# Generated from proto/; README.md says how.
from devhub.v1 import (
    api_pb2,
    api_pb2_grpc,
    application_pb2,
    application_pb2_grpc,
    authorization_pb2,
    authorization_pb2_grpc,
    fact_pb2,
    fact_pb2_grpc,
    lifecycle_pb2,
    notice_pb2,
    notice_pb2_grpc,
    schedule_pb2,
    schedule_pb2_grpc,
    subscription_pb2,
    subscription_pb2_grpc,
    usage_pb2,
)

SANDBOX = lifecycle_pb2.ENVIRONMENT_SANDBOX

# Every write says who does it.
OPERATOR = (("devhub-actor", "operator:python"),)
ADA = (("devhub-actor", "collaborator:ada@example.com"),)

# Without a deadline, a call to a server that hangs hangs as well.
DEADLINE_SECONDS = 10.0
FOLLOW_SECONDS = 30.0


class Unexpected(Exception):
    """The hub did not do what the tour is here to show."""


def expect(holds: bool, sentence: str) -> None:
    """Ends the tour with `sentence` unless `holds`."""
    if not holds:
        raise Unexpected(sentence)


def refusal(call: Callable[[], object]) -> grpc.RpcError:
    """The error of a call that must be refused."""
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise Unexpected("a call that must be refused was answered")


def error_info(error: grpc.RpcError) -> error_details_pb2.ErrorInfo:
    """Why the hub refused, for programs: match on `reason`, never on the message."""
    info = error_details_pb2.ErrorInfo()
    found = any(detail.Unpack(info) for detail in details(error))
    expect(found and info.domain == "devhub", f"the error carries no ErrorInfo of devhub: {error}")
    return info


def field_violations(error: grpc.RpcError) -> list[error_details_pb2.BadRequest.FieldViolation]:
    """The fields that the hub found malformed."""
    bad = error_details_pb2.BadRequest()
    return [violation for detail in details(error) if detail.Unpack(bad) for violation in bad.field_violations]


def details(error: grpc.RpcError) -> list[Any]:
    """The typed details of an error, still packed."""
    status = rpc_status.from_call(error)
    return list(status.details) if status else []


def timestamp(instant: datetime) -> Timestamp:
    """An instant as the wire has it."""
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp


def word(enum: EnumTypeWrapper, number: int) -> str:
    """The name of an enum value without its prefix: `ALLOW` for VERDICT_ALLOW."""
    name = enum.Name(number)
    # The prefix is the enum's own name in capitals, as every value of every enum has it.
    prefix = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in enum.DESCRIPTOR.name)
    return name.removeprefix(f"{prefix.removeprefix('_')}_")


class Tour:
    """One run: the stubs, and the names that it uses."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel
        self.apis = api_pb2_grpc.ApiServiceStub(channel)
        self.applications = application_pb2_grpc.ApplicationServiceStub(channel)
        self.subscriptions = subscription_pb2_grpc.SubscriptionServiceStub(channel)
        self.authorization = authorization_pb2_grpc.AuthorizationServiceStub(channel)
        self.facts = fact_pb2_grpc.FactServiceStub(channel)
        self.schedules = schedule_pb2_grpc.ScheduleServiceStub(channel)
        self.notices = notice_pb2_grpc.NoticeServiceStub(channel)
        self.run = secrets.token_hex(6)
        self.context = f"tour/python-{self.run}"

    def go(self) -> None:
        """The whole tour."""
        self.look_around()
        before = self.publish()
        first = self.register("first")
        revision = self.subscribe(first)
        self.call(first, revision)
        self.deprecate()
        second = self.register("second")
        self.be_refused(second)
        self.call_deprecated(first)
        self.explain(first)
        self.follow(before, second)
        revision = self.put_off()
        self.be_told(first, revision)
        self.move(first)
        self.make_mistakes()

    def request_id(self, step: str) -> str:
        """The same for the same step of the same run: a repeated write is done once."""
        return f"{self.run}-{step.replace('.', '_')}"

    def look_around(self) -> None:
        """Standard protocols: health and reflection."""
        health = health_pb2_grpc.HealthStub(self.channel)
        for service in ("", "devhub.v1.AuthorizationService"):
            request = health_pb2.HealthCheckRequest(service=service)
            status = health.Check(request, timeout=DEADLINE_SECONDS).status
            expect(status == health_pb2.HealthCheckResponse.SERVING, f"{service or 'the server'} is not serving")
            print(f"health: {service or 'server'} SERVING")

        services = sorted(ProtoReflectionDescriptorDatabase(self.channel).get_services())
        expect("devhub.v1.FactService" in services, f"reflection does not list devhub: {services}")
        for service in services:
            print(f"reflection: {service}")

    def publish(self) -> int:
        """An API with two versions. Returns the revision before them."""
        api = api_pb2.Api(context=self.context, title="Python Tour", policy="hmrc-mtd")
        request = api_pb2.CreateApiRequest(api=api, request_id=self.request_id("api"))
        created = self.apis.CreateApi(request, metadata=OPERATOR, timeout=DEADLINE_SECONDS)
        print(f"operator: registered {created.api.context} ({created.api.policy})")

        # Labels are strings: 1.10 is the tenth minor version, not 1.1.
        for label in ("1.10", "2.0"):
            version = api_pb2.ApiVersion(
                context=self.context,
                version=label,
                documentation_uri=f"https://docs.example.com/{self.context}/{label}",
                endpoints=[api_pb2.Endpoint(method="GET", path="/losses", auth_type=api_pb2.AUTH_TYPE_APPLICATION)],
                deployments=[lifecycle_pb2.Deployment(environment=SANDBOX, maturity=lifecycle_pb2.MATURITY_STABLE)],
            )
            write = api_pb2.CreateApiVersionRequest(version=version, request_id=self.request_id(f"version-{label}"))
            published = self.apis.CreateApiVersion(write, metadata=OPERATOR, timeout=DEADLINE_SECONDS).version
            stage = word(lifecycle_pb2.Stage, published.deployments[0].stage)
            expect(published.version == label and stage == "STABLE", f"version {label} came back as {published}")
            print(f"operator: published {published.version} {stage}")
        return created.revision - 1

    def register(self, name: str) -> application_pb2.Application:
        """An application of Ada's: whoever registers one becomes its administrator."""
        application = application_pb2.Application(name=f"Tour {name} {self.run}", environment=SANDBOX, owner="Tour")
        request = application_pb2.CreateApplicationRequest(
            application=application, request_id=self.request_id(f"application-{name}")
        )
        made = self.applications.CreateApplication(request, metadata=ADA, timeout=DEADLINE_SECONDS).application
        expect([c.email for c in made.collaborators] == ["ada@example.com"], "Ada is not the administrator")
        print(f"ada: registered the {name} application; devhub made its ids")
        return made

    def subscribe(self, application: application_pb2.Application) -> int:
        """A write that was perhaps done is repeated with the same request id: it is done once. Returns its revision."""
        request = subscription_pb2.SubscribeRequest(
            application_id=application.application_id,
            context=self.context,
            version="1.10",
            request_id=self.request_id("subscribe"),
        )
        answer = self.subscriptions.Subscribe(request, metadata=ADA, timeout=DEADLINE_SECONDS)
        state = word(subscription_pb2.SubscriptionState, answer.subscription.state)
        print(f"ada: subscribed to 1.10, {state}")
        again = self.subscriptions.Subscribe(request, metadata=ADA, timeout=DEADLINE_SECONDS)
        expect(again == answer, f"a replay got another answer:\n{answer}\n{again}")
        print("ada: replayed the request, same answer")
        return answer.revision

    def ask(
        self, application: application_pb2.Application, label: str = "1.10", revision: int = 0
    ) -> authorization_pb2.AuthorizeRequest:
        """What a gateway asks about each call. The answer takes into account all that happened up to `revision`."""
        return authorization_pb2.AuthorizeRequest(
            client_id=application.client_id,
            context=self.context,
            version=label,
            environment=SANDBOX,
            min_revision=revision,
        )

    def call(self, application: application_pb2.Application, revision: int) -> None:
        """Calls of a subscriber pass, and calls to what it has not subscribed to do not."""
        for label, expected in (("1.10", "ALLOW SUBSCRIBED 200"), ("2.0", "DENY NOT_SUBSCRIBED 403")):
            decision = self.authorization.Authorize(self.ask(application, label, revision), timeout=DEADLINE_SECONDS)
            expect(verdict(decision) == expected, f"a call to {label} got {verdict(decision)}, not {expected}")
            print(f"gateway: {label} {verdict(decision)}")

    def deprecate(self) -> None:
        """From now on, with a year's notice."""
        retire_time = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=365, hours=1)
        request = api_pb2.DeprecateApiVersionRequest(
            context=self.context,
            version="1.10",
            environment=SANDBOX,
            retire_time=timestamp(retire_time),
            successor=lifecycle_pb2.VersionName(context=self.context, version="2.0"),
            reason="2.0 is out",
            request_id=self.request_id("deprecate"),
        )
        answer = self.apis.DeprecateApiVersion(request, metadata=OPERATOR, timeout=DEADLINE_SECONDS)
        expect(answer.affected_subscriptions == 1, f"{answer.affected_subscriptions} subscriptions affected, not 1")
        print("operator: deprecated 1.10 in favour of 2.0, 1 subscription affected")

    def be_refused(self, application: application_pb2.Application) -> None:
        """A deprecated version takes no new subscriptions; the error says so to programs and to people."""
        request = subscription_pb2.SubscribeRequest(
            application_id=application.application_id, context=self.context, version="1.10"
        )
        error = refusal(lambda: self.subscriptions.Subscribe(request, metadata=ADA, timeout=DEADLINE_SECONDS))
        info = error_info(error)
        expect(error.code() == grpc.StatusCode.FAILED_PRECONDITION, f"refused with {error.code()}")
        expect(info.reason == "VERSION_DEPRECATED", f"refused because of {info.reason}")
        expect(info.metadata.get("successor_version") == "2.0", f"no way out is named: {dict(info.metadata)}")
        print(f"ada: refused with {error.code().name}: {error.details()}")
        print(f"ada: refused because of {info.reason}")
        for key, value in sorted(info.metadata.items()):
            print(f"ada:   {key} = {value}")

    def call_deprecated(self, application: application_pb2.Application) -> None:
        """Who subscribed in time goes on calling, and is told that the end is near."""
        decision = self.authorization.Authorize(self.ask(application), timeout=DEADLINE_SECONDS)
        expect(verdict(decision) == "ALLOW SUBSCRIBED 200", f"a subscriber's call got {verdict(decision)}")
        expect(decision.stage == lifecycle_pb2.STAGE_DEPRECATED, "the stage of the answer is not DEPRECATED")
        expect(decision.days_left == 365, f"{decision.days_left} days left, not 365")
        names = {header.name for header in decision.headers}
        expect({"Deprecation", "Sunset", "Link"} <= names, f"headers are missing: {sorted(names)}")
        print(f"gateway: 1.10 {verdict(decision)}, {decision.days_left} days left")
        for header in decision.headers:
            print(f"gateway:   {header.name}: {header.value}")

    def explain(self, application: application_pb2.Application) -> None:
        """The same question after the retirement date, and why."""
        after = datetime.now(timezone.utc) + timedelta(days=366)
        request = authorization_pb2.ExplainRequest(question=self.ask(application), at=timestamp(after))
        answer = self.authorization.Explain(request, timeout=DEADLINE_SECONDS)
        expected = "DENY VERSION_RETIRED 410"
        expect(verdict(answer.decision) == expected, f"in a year it will be {verdict(answer.decision)}, not {expected}")
        print(f"explain: in 366 days {verdict(answer.decision)}")
        for step in answer.steps:
            print(f"explain:   {step.rule} {word(authorization_pb2.StepOutcome, step.outcome)}: {step.sentence}")
        print(f"explain: remedy: {answer.decision.remedy.sentence}")

    def follow(self, after: int, application: application_pb2.Application) -> None:
        """The audit trail of this API: first what has happened, then, on the same stream, what happens now."""
        request = fact_pb2.FollowFactsRequest(filter=fact_pb2.FactFilter(context=self.context), after_revision=after)
        stream = self.facts.FollowFacts(request, timeout=FOLLOW_SECONDS)
        facts = (fact for message in stream for fact in message.facts)
        self.tell(facts, until="COMMAND_REFUSED")

        move = subscription_pb2.SubscribeRequest(
            application_id=application.application_id,
            context=self.context,
            version="2.0",
            request_id=self.request_id("move"),
        )
        self.subscriptions.Subscribe(move, metadata=ADA, timeout=DEADLINE_SECONDS)
        print("ada: subscribed the second application to 2.0 instead")
        self.tell(facts, until="SUBSCRIBED")
        # The stream would go on for ever.
        stream.cancel()

    def tell(self, facts: Iterator[fact_pb2.Fact], until: str) -> None:
        """Prints facts up to and including the first of kind `until`."""
        for fact in facts:
            kind = word(fact_pb2.FactKind, fact.kind)
            subject = f" {fact.version}" if fact.version else ""
            refused = f" ({fact.refused_command}: {fact.refusal})" if fact.refusal else ""
            print(f"fact: {fact.revision}.{fact.ordinal} {fact.actor} {kind}{subject}{refused}")
            if kind == until:
                return
        raise Unexpected(f"the stream of facts ended before {until}")

    def version(self, label: str) -> lifecycle_pb2.VersionName:
        """A version of the tour's API."""
        return lifecycle_pb2.VersionName(context=self.context, version=label)

    def put_off(self) -> int:
        """The retirement comes later: the token of the preview applies what was shown, or nothing."""
        retire_time = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=400)
        change = schedule_pb2.LifecycleChange(
            target=schedule_pb2.ScheduleTarget(environment=SANDBOX, version=self.version("1.10")),
            revise=schedule_pb2.ReviseStep(retire=schedule_pb2.NewInstant(time=timestamp(retire_time))),
            reason="some need more time",
        )
        rehearsal = schedule_pb2.PreviewLifecycleChangeRequest(changes=[change])
        preview = self.schedules.PreviewLifecycleChange(rehearsal, metadata=OPERATOR, timeout=DEADLINE_SECONDS)
        expect(all(step.accepted for step in preview.changes), f"the hub would refuse: {preview.changes}")
        for affected in preview.affected:
            usage = word(usage_pb2.UsageClass, affected.usage_class)
            print(f"preview: {affected.application_name}, calls {usage}")
            for answer in affected.answers:
                allowed = "ALLOW" if answer.allowed else "DENY"
                print(f"preview:   {allowed} {answer.reason} from {answer.time.ToJsonString()} on")
        print(f"preview: {len(preview.affected)} affected, {len(preview.notices)} milestones with notices")
        apply = schedule_pb2.ChangeLifecycleRequest(
            changes=[change], plan_token=preview.plan_token, request_id=self.request_id("put_off")
        )
        applied = self.schedules.ChangeLifecycle(apply, metadata=OPERATOR, timeout=DEADLINE_SECONDS)
        print(f"operator: put off the retirement of 1.10 to {retire_time:%Y-%m-%d}, as previewed")
        return applied.revision

    def be_told(self, application: application_pb2.Application, after: int) -> None:
        """The notices of an application: a feed that goes on from a revision, so that none is missed or read twice."""
        request = notice_pb2.FollowNoticesRequest(application_id=application.application_id, after_revision=after)
        stream = self.notices.FollowNotices(request, timeout=FOLLOW_SECONDS)
        notice = next(notice for message in stream for notice in message.notices)
        stream.cancel()
        expect(notice.recipients == ["ada@example.com"], f"the notice goes to {notice.recipients}")
        for sentence in notice.sentences:
            print(f"notice: {sentence}")
        read = notice_pb2.AcknowledgeNoticeRequest(
            application_id=notice.application_id, notice_id=notice.notice_id, request_id=self.request_id("read")
        )
        answer = self.notices.AcknowledgeNotice(read, metadata=ADA, timeout=DEADLINE_SECONDS)
        print(f"ada: acknowledged the notice, as {answer.notice.acknowledgements[0].email}")

    def move(self, application: application_pb2.Application) -> None:
        """From one version to the other in one step: either both subscriptions change, or neither does."""
        request = subscription_pb2.MoveSubscriptionRequest(
            application_id=application.application_id,
            to=self.version("2.0"),
            reason="1.10 will be retired",
            request_id=self.request_id("move_first"),
            # A field that is named as a keyword of Python is given in this way.
            **{"from": self.version("1.10")},
        )
        answer = self.subscriptions.MoveSubscription(request, metadata=ADA, timeout=DEADLINE_SECONDS)
        print("ada: moved the first application from 1.10 to 2.0")
        for label, expected in (("1.10", "DENY NOT_SUBSCRIBED 403"), ("2.0", "ALLOW SUBSCRIBED 200")):
            decision = self.authorization.Authorize(
                self.ask(application, label, answer.revision), timeout=DEADLINE_SECONDS
            )
            expect(verdict(decision) == expected, f"a call to {label} got {verdict(decision)}, not {expected}")
            print(f"gateway: {label} {verdict(decision)} after the move")

    def make_mistakes(self) -> None:
        """All malformed fields are named at once."""
        application = application_pb2.Application(
            application_id="No Spaces",
            name="<script>",
            collaborators=[application_pb2.Collaborator(email="nobody", role=application_pb2.ROLE_DEVELOPER)],
        )
        request = application_pb2.CreateApplicationRequest(application=application)
        error = refusal(lambda: self.applications.CreateApplication(request, metadata=ADA, timeout=DEADLINE_SECONDS))
        expect(error_info(error).reason == "INVALID_FIELD", f"refused because of {error_info(error).reason}")
        violations = field_violations(error)
        expect(len(violations) >= 3, f"only {len(violations)} of the mistakes are named")
        print(f"mistakes: {error.code().name} {error_info(error).reason}")
        for violation in violations:
            print(f"mistakes:   {violation.field}: {violation.description}")

        error = refusal(lambda: self.applications.CreateApplication(request, timeout=DEADLINE_SECONDS))
        expect(error_info(error).reason == "ACTOR_REQUIRED", f"refused because of {error_info(error).reason}")
        print(f"mistakes: {error.code().name} {error_info(error).reason}")


def verdict(decision: authorization_pb2.AuthorizeResponse) -> str:
    """A decision on one line. Whatever is not an ALLOW is to be taken as a denial."""
    words = (
        word(authorization_pb2.Verdict, decision.verdict),
        word(authorization_pb2.DecisionReason, decision.reason),
    )
    return f"{' '.join(words)} {decision.http_status}"


def main() -> int:
    """Parses the arguments and runs the tour."""
    parser = argparse.ArgumentParser(description="A tour of devhub over gRPC.")
    parser.add_argument("--server", required=True, metavar="HOST:PORT", help="where the hub serves gRPC")
    server: str = parser.parse_args().server
    try:
        with grpc.insecure_channel(server) as channel:
            Tour(channel).go()
    except Unexpected as unexpected:
        print(f"tour: {unexpected}", file=sys.stderr)
        return 1
    except grpc.RpcError as error:
        print(f"tour: {server} answered {error.code().name}: {error.details()}", file=sys.stderr)
        return 1
    print("tour: done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
