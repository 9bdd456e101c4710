"""Checks events, a line each, against the documents in a folder: check_events.py FOLDER FILE"""
import json
import sys
from pathlib import Path

import jsonschema_rs

# CloudEvents 1.0, section "Required Attributes" and the optional ones that we send; then distributed tracing.
ENVELOPE = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "dataschema", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1, "format": "uri-reference"},
        "type": {"type": "string", "minLength": 1},
        "subject": {"type": "string", "minLength": 1},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string", "format": "uri"},
        "traceparent": {"type": "string", "pattern": "^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$"},
        "data": {"type": "object"},
    },
    "additionalProperties": False,
}


def main(folder, file):
    documents = {}
    for path in sorted(Path(folder).glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        jsonschema_rs.meta.validate(document)
        documents[document["$id"]] = document
    registry = jsonschema_rs.Registry(list(documents.items()))
    validators = {
        name: jsonschema_rs.validator_for(document, registry=registry, validate_formats=True)
        for name, document in documents.items()
    }
    envelope = jsonschema_rs.validator_for(ENVELOPE, validate_formats=True)
    events = [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
    spoiled = set()
    for event in events:
        envelope.validate(event)
        name, data = event["dataschema"], event["data"]
        validators[name].validate(data)
        if name in spoiled:
            continue
        spoiled.add(name)
        for member in documents[name]["required"]:
            less = {key: value for key, value in data.items() if key != member}
            assert not validators[name].is_valid(less), f"{name}: nobody misses {member}"
            other = {**data, member: {"not": "this"}}
            assert not validators[name].is_valid(other), f"{name}: {member} may be anything"
    assert any("traceparent" in event for event in events), "no trace goes on"
    print(f"{len(events)} events, {len(spoiled)} types")


if __name__ == "__main__":
    main(*sys.argv[1:])
