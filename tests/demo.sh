#!/usr/bin/env bash
# Starts the demonstration as the README says, asks it one real question with Python's grpcio, and stops it.
# Needs python3; what else it needs, it installs into target/peers/demo. DEVHUB_BIN names a program that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
peers=target/peers/demo
if ! python3 -c 'import venv' 2> /dev/null; then
    [ "${CI:-}" = true ] && { echo "python3 with venv is needed" >&2; exit 1; }
    echo "skipped: demo question (no python3 with venv)" >&2
    exit 0
fi
if [ ! -x "$peers/bin/python" ]; then python3 -m venv "$peers"; fi
"$peers/bin/pip" install --quiet --disable-pip-version-check -r examples/python/requirements.txt
"$peers/bin/python" -m grpc_tools.protoc -I proto --python_out="$peers" --grpc_python_out="$peers" \
    $(cd proto && ls devhub/v1/*.proto)

devhub=("${DEVHUB_BIN:-}")
if [ -z "${devhub[0]}" ]; then devhub=(cargo run --release --locked --quiet --); fi
coproc DEMO { exec "${devhub[@]}" demo --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0; }
demo=$DEMO_PID
trap 'kill "$demo" 2> /dev/null || true' EXIT
# The greeting is printed once everything is loaded; a demonstration that fails ends, and so does the reading.
address=
while read -r line; do
    echo "$line"
    case $line in "gRPC and gRPC-Web"*) address=${line#*http://} && address=${address%% *} ;; esac
    case $line in "Worth trying"*) break ;; esac
done <&"${DEMO[0]}"
[ -n "$address" ] || { echo "the demonstration did not become ready" >&2; exit 1; }

PYTHONPATH="$peers" "$peers/bin/python" - "$address" <<'PYTHON'
import sys
import grpc
from devhub.v1 import authorization_pb2 as authorization, authorization_pb2_grpc as service, lifecycle_pb2 as lifecycle

with grpc.insecure_channel(sys.argv[1]) as channel:
    hub = service.AuthorizationServiceStub(channel)
    question = authorization.AuthorizeRequest(
        client_id="buildsync-client",
        context="rest/v1.0/cost-codes",
        version="1.0",
        environment=lifecycle.ENVIRONMENT_PRODUCTION,
        method="DELETE",
        path="/standard_cost_codes/42",
    )
    answer = hub.Authorize(question, timeout=10)
    headers = {header.name: header.value for header in answer.headers}
    assert answer.verdict == authorization.VERDICT_ALLOW, answer
    assert headers["Deprecation"].startswith("@"), answer
    assert "Sunset" not in headers, "no retirement is announced"
    print(f"allowed, stage {lifecycle.Stage.Name(answer.stage)}, Deprecation: {headers['Deprecation']}")
    question.context, question.version = "vapid", "1.0"
    question.ClearField("method")
    question.ClearField("path")
    answer = hub.Authorize(question, timeout=10)
    assert answer.reason == authorization.DECISION_REASON_VERSION_RETIRED, answer
    assert answer.http_status == 410, answer
    print(f"vapid is gone: HTTP {answer.http_status}, move to {answer.successor.context} {answer.successor.version}")
PYTHON

kill -TERM "$demo"
wait "$demo"
trap - EXIT
echo "the demonstration stopped cleanly"
