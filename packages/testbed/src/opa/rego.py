"""Evaluates Rego for the agent of the tests: a JSON object a line in, its answer a line out.

{"modules": {path: text}} replaces all modules; {"query": text, "input": value} evaluates. An answer has "result", which
is missing where the query is undefined, or "error".
"""

import json
import sys

import regorus

engine = regorus.Engine()


def load(modules):
    fresh = regorus.Engine()
    for path, text in modules.items():
        fresh.add_policy(path, text)
    return fresh


for line in sys.stdin:
    message = json.loads(line)
    try:
        if "modules" in message:
            engine = load(message["modules"])
            answer = {"result": True}
        else:
            engine.set_input_json(json.dumps(message["input"]))
            results = json.loads(engine.eval_query_as_json(message["query"]))["result"]
            values = [each["value"] for row in results for each in row["expressions"]]
            answer = {"result": values[0]} if values else {}
    except Exception as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
