/**
 * A tour of devhub over gRPC-Web: what a developer portal does, with calls that work the same in a browser.
 *
 * An operator publishes two versions of an API, a developer subscribes an application to the first, a gateway asks
 * whether a call may pass, the first version is deprecated, and the audit trail tells it all again as a stream. What
 * the hub answers is printed; the first answer that is not the one to be expected ends the tour with a sentence and
 * exit status 1.
 *
 * Everything is made under names of this run, so any hub will do, empty or in use.
 */

import { parseArgs } from "node:util";

import { equals } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type CallOptions, type Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

// Generated from proto/; README.md says how.
import { ApiService, AuthType } from "../gen/devhub/v1/api_pb.js";
import { ApplicationService, type Application } from "../gen/devhub/v1/application_pb.js";
import {
  AuthorizationService,
  DecisionReason,
  Verdict,
  type AuthorizeResponse,
} from "../gen/devhub/v1/authorization_pb.js";
import { FactKind, FactService, type Fact } from "../gen/devhub/v1/fact_pb.js";
import { Environment, Maturity, Stage } from "../gen/devhub/v1/lifecycle_pb.js";
import { SubscribeResponseSchema, SubscriptionService } from "../gen/devhub/v1/subscription_pb.js";
import { BadRequestSchema, ErrorInfoSchema, type ErrorInfo } from "../gen/google/rpc/error_details_pb.js";

const DAY_MS = 24 * 60 * 60 * 1000;

// Without a deadline, a call to a server that hangs hangs as well.
const DEADLINE_MS = 10_000;
const FOLLOW_MS = 30_000;

// Every write says who does it.
const OPERATOR: CallOptions = { headers: { "devhub-actor": "operator:typescript" } };
const ADA: CallOptions = { headers: { "devhub-actor": "collaborator:ada@example.com" } };

/** The hub did not do what the tour is here to show. */
class Unexpected extends Error {}

/** Ends the tour with `sentence` unless `holds`. */
function expect(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new Unexpected(sentence);
}

/** The error of a call that must be refused. */
async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  const answer = await call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
  expect(answer !== undefined, "a call that must be refused was answered");
  return answer;
}

/** Why the hub refused, for programs: match on `reason`, never on the message. */
function errorInfo(error: ConnectError): ErrorInfo {
  const [info] = error.findDetails(ErrorInfoSchema);
  expect(info?.domain === "devhub", `the error carries no ErrorInfo of devhub: ${error.message}`);
  return info;
}

/** A decision on one line. Whatever is not an ALLOW is to be taken as a denial. */
function verdict(decision: AuthorizeResponse): string {
  return `${Verdict[decision.verdict]} ${DecisionReason[decision.reason]} ${decision.httpStatus}`;
}

async function tour(transport: Transport): Promise<void> {
  const apis = createClient(ApiService, transport);
  const applications = createClient(ApplicationService, transport);
  const subscriptions = createClient(SubscriptionService, transport);
  const authorization = createClient(AuthorizationService, transport);
  const facts = createClient(FactService, transport);

  const run = crypto.randomUUID().slice(0, 13);
  const context = `tour/typescript-${run}`;
  // The same for the same step of the same run: a repeated write is done once.
  const requestId = (step: string): string => `${run}-${step}`;

  // An API with two versions. Labels are strings: 1.10 is the tenth minor version, not 1.1.
  const api = { context, title: "TypeScript Tour", policy: "hmrc-mtd" };
  const created = await apis.createApi({ api, requestId: requestId("api") }, OPERATOR);
  console.log(`operator: registered ${context}`);
  for (const version of ["1.10", "2.0"]) {
    await apis.createApiVersion(
      {
        version: {
          context,
          version,
          documentationUri: `https://docs.example.com/${context}/${version}`,
          endpoints: [{ method: "GET", path: "/losses", authType: AuthType.APPLICATION }],
          deployments: [{ environment: Environment.SANDBOX, maturity: Maturity.STABLE }],
        },
      },
      OPERATOR,
    );
    console.log(`operator: published ${version}`);
  }

  // Whoever registers an application becomes its administrator.
  const register = async (name: string): Promise<Application> => {
    const application = { name: `Tour ${name} ${run}`, environment: Environment.SANDBOX, owner: "Tour" };
    const answer = await applications.createApplication({ application, requestId: requestId(name) }, ADA);
    expect(answer.application !== undefined, "the answer holds no application");
    console.log(`ada: registered the ${name} application`);
    return answer.application;
  };
  const first = await register("first");

  // A write that was perhaps done is repeated with the same request id: it is done once.
  const wish = {
    applicationId: first.applicationId,
    context,
    version: "1.10",
    requestId: requestId("subscribe"),
  };
  const subscribed = await subscriptions.subscribe(wish, ADA);
  console.log("ada: subscribed to 1.10");
  const again = await subscriptions.subscribe(wish, ADA);
  expect(equals(SubscribeResponseSchema, subscribed, again), "a replay got another answer");
  console.log("ada: replayed the request, same answer");

  // What a gateway asks about each call; the answer takes the subscription into account.
  const question = {
    clientId: first.clientId,
    context,
    version: "1.10",
    environment: Environment.SANDBOX,
    minRevision: subscribed.revision,
  };
  const fresh = await authorization.authorize(question);
  expect(verdict(fresh) === "ALLOW SUBSCRIBED 200", `a subscriber's call got ${verdict(fresh)}`);
  console.log(`gateway: ${verdict(fresh)}`);

  // From now on, with a year's notice.
  const deprecated = await apis.deprecateApiVersion(
    {
      context,
      version: "1.10",
      environment: Environment.SANDBOX,
      retireTime: timestampFromMs(Date.now() + 365 * DAY_MS),
      successor: { context, version: "2.0" },
      reason: "2.0 is out",
      requestId: requestId("deprecate"),
    },
    OPERATOR,
  );
  expect(deprecated.affectedSubscriptions === 1n, `${deprecated.affectedSubscriptions} subscriptions affected, not 1`);
  console.log("operator: deprecated 1.10 in favour of 2.0");

  // A deprecated version takes no new subscriptions; the error says so to programs and to people.
  const second = await register("second");
  const late = { applicationId: second.applicationId, context, version: "1.10" };
  const refused = await refusal(subscriptions.subscribe(late, ADA));
  const info = errorInfo(refused);
  expect(refused.code === Code.FailedPrecondition, `refused with ${Code[refused.code]}`);
  expect(info.reason === "VERSION_DEPRECATED", `refused because of ${info.reason}`);
  expect(info.metadata["successor_version"] === "2.0", `no way out is named: ${JSON.stringify(info.metadata)}`);
  console.log(`ada: refused: ${refused.rawMessage}`);
  console.log(`ada: refused because of ${info.reason}, successor ${info.metadata["successor_version"]}`);

  // Who subscribed in time goes on calling, and is told that the end is near.
  const warned = await authorization.authorize({ ...question, minRevision: deprecated.revision });
  expect(verdict(warned) === "ALLOW SUBSCRIBED 200", `a subscriber's call got ${verdict(warned)}`);
  expect(warned.stage === Stage.DEPRECATED, `the stage of the answer is ${Stage[warned.stage]}`);
  expect(
    warned.headers.some((header) => header.name === "Deprecation"),
    "there is no Deprecation header",
  );
  console.log(`gateway: ${verdict(warned)}`);
  for (const { name, value } of warned.headers) console.log(`gateway:   ${name}: ${value}`);

  // The audit trail of this API: first what has happened, then, on the same stream, what happens now.
  const move = { applicationId: second.applicationId, context, version: "2.0", requestId: requestId("move") };
  // It would go on for ever. Just leaving the loop would keep the request below it open: the signal ends it, and the
  // next read then fails with CANCELLED.
  const enough = new AbortController();
  const stream = facts.followFacts(
    { filter: { context }, afterRevision: created.revision - 1n },
    { timeoutMs: FOLLOW_MS, signal: enough.signal },
  );
  let moved = false;
  try {
    for await (const message of stream) {
      for (const fact of message.facts) {
        console.log(`fact: ${sentence(fact)}`);
        if (fact.kind === FactKind.COMMAND_REFUSED) {
          await subscriptions.subscribe(move, ADA);
          console.log("ada: subscribed the second application to 2.0 instead");
        } else if (fact.kind === FactKind.SUBSCRIBED && fact.version === "2.0") {
          moved = true;
          enough.abort();
        }
      }
    }
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  }
  expect(moved, "the stream of facts ended before it told of the last subscription");

  // All malformed fields are named at once.
  const mistakes = await refusal(
    applications.createApplication({ application: { applicationId: "No Spaces", name: "<script>" } }, ADA),
  );
  expect(errorInfo(mistakes).reason === "INVALID_FIELD", `refused because of ${errorInfo(mistakes).reason}`);
  const violations = mistakes.findDetails(BadRequestSchema).flatMap((bad) => bad.fieldViolations);
  expect(violations.length >= 3, `only ${violations.length} of the mistakes are named`);
  console.log(`mistakes: ${Code[mistakes.code]} ${errorInfo(mistakes).reason}`);
  for (const { field, description } of violations) console.log(`mistakes:   ${field}: ${description}`);
}

/** A fact on one line. */
function sentence(fact: Fact): string {
  const words = [`${fact.revision}.${fact.ordinal}`, fact.actor, FactKind[fact.kind], fact.version];
  if (fact.refusal !== "") words.push(`(${fact.refusedCommand}: ${fact.refusal})`);
  return words.filter((word) => word !== "").join(" ");
}

const { values } = parseArgs({ options: { server: { type: "string" } } });
if (values.server === undefined) {
  console.error("usage: tour --server http://HOST:PORT");
  process.exit(2);
}
try {
  await tour(createGrpcWebTransport({ baseUrl: values.server, defaultTimeoutMs: DEADLINE_MS }));
  console.log("tour: done");
} catch (error) {
  const problem = error instanceof Unexpected ? error.message : ConnectError.from(error).message;
  console.error(`tour: ${values.server}: ${problem}`);
  process.exitCode = 1;
}
