#!/usr/bin/python3
"""What /openapi.json promises is what a real cluster does: each operation with each parameter, at its
limits and beyond them, answers with a status, headers and a body that the document names; and what
the document does not name is refused."""

import itertools
import json
import re

from harness import Cluster, ProcessTest, close_well, main
from http_client import curl

METHODS = ("get", "head", "post", "put", "delete", "patch", "options")
# What a schema cannot say by itself; for "-" the parameter is left out.
VALUES = {"key": ["a", "b%20c", "%C3%A4%2F", "n" * 255], "count": ["-", "1", "7", "1000000"],
          "consistency": ["-", "stale"], "prefix": ["-", "", "b"], "after": ["-", "", "a"],
          "limit": ["-", "1", "1000"], "Idempotency-Key": ["-", "k", "~" * 64]}
REFUSED = {"key": ["%FF", "%2", "n" * 256], "count": ["0", "1000001", "x", ""],
           "consistency": ["fresh", ""], "prefix": ["p" * 256], "after": ["%80"],
           "limit": ["0", "1001", "-1"], "Idempotency-Key": ["k" * 65, "a b"]}


def schema_faults(document, schema, value, at="body"):
    """What is wrong with a value, as lines of text; knows what the document uses."""
    schema = resolved(document, schema)
    known = {"type", "pattern", "description", "properties", "required", "items", "minimum", "maximum",
             "minLength", "maxLength", "minItems", "maxItems", "enum", "additionalProperties",
             "nullable", "example", "default", "format"}
    faults = [f"{at}: the test does not know {name!r}" for name in set(schema) - known]
    if value is None:
        return faults + ([] if schema.get("nullable") else [f"{at} is null"])
    types = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if not isinstance(value, types[schema["type"]]):
        return faults + [f"{at} is no {schema['type']}: {value!r}"]
    if schema["type"] == "string":
        if not re.search(schema.get("pattern", ""), value):
            faults.append(f"{at}: {value!r} does not match {schema['pattern']}")
        if "enum" in schema and value not in schema["enum"]:
            faults.append(f"{at}: {value!r} is none of {schema['enum']}")
    if schema["type"] == "integer" and not (
            schema.get("minimum", value) <= value <= schema.get("maximum", value)):
        faults.append(f"{at}: {value} is out of range")
    if schema["type"] == "array":
        for number, item in enumerate(value):
            faults += schema_faults(document, schema["items"], item, f"{at}[{number}]")
    if schema["type"] == "object":
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        faults += [f"{at} lacks {name}" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            if name in properties:
                faults += schema_faults(document, properties[name], item, f"{at}.{name}")
            elif isinstance(others, dict):
                faults += schema_faults(document, others, item, f"{at}.{name}")
            elif not others:
                faults.append(f"{at} has {name}, which is not described")
    return faults


def resolved(document, node):
    while "$ref" in node:
        found = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


class OpenApi(ProcessTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(close_well, cls.cluster)
        cls.cluster.begin(3)
        cls.leader = cls.cluster.leader()
        cls.follower = cls.cluster.followers()[0]
        response = curl(cls.follower.url + "openapi.json")
        assert (response.status, response.headers["content-type"]) == (200, "application/json")
        cls.document = json.loads(response.body)

    def operations(self):
        for path, operations in self.document["paths"].items():
            for method, operation in operations.items():
                yield path, method, operation

    def parameters(self, operation):
        return [resolved(self.document, each) for each in operation.get("parameters", [])]

    def send(self, node, path, method, values, body):
        """`values` by parameter, without those that are left out."""
        query = []
        options = ["--head"] if method == "head" else ["-X", method.upper()]
        for parameter, value in values:
            if parameter["in"] == "path":
                path = path.replace("{" + parameter["name"] + "}", value)
            elif parameter["in"] == "header":
                options += ["-H", f"{parameter['name']}: {value}"]
            else:
                query.append(f"{parameter['name']}={value}")
        if body is not None:
            options += ["-d", body]
        url = node.url.rstrip("/") + path + ("?" + "&".join(query) if query else "")
        return url, curl(*options, url)

    def assert_described(self, operation, method, url, response):
        responses = operation["responses"]
        self.assertIn(str(response.status), responses, f"{method} {url}: {response}")
        described = resolved(self.document, responses[str(response.status)])
        for name in described.get("headers", {}):
            header = resolved(self.document, described["headers"][name])
            value = response.headers.get(name.lower())
            self.assertTrue(value is not None or not header.get("required"), (url, name))
        content = described.get("content", {})
        if method == "head" or not content:
            self.assertEqual(b"", response.body, url)
            return
        media = response.headers["content-type"].partition(";")[0]
        self.assertIn(media, content, f"{method} {url}")
        value = json.loads(response.body) if media == "application/json" else response.text
        self.assertEqual([], schema_faults(self.document, content[media]["schema"], value), url)

    def bodies(self, operation):
        content = operation.get("requestBody", {}).get("content", {})
        if "text/plain" in content:
            return ["0", "41", "18446744073709551615", ""]
        if "application/x-www-form-urlencoded" in content:
            return ["key=a&key=b", ""]
        return [None]

    def test_each_operation_answers_as_described(self):
        statuses = {}
        for path, method, operation in self.operations():
            parameters = self.parameters(operation)
            tried = [VALUES[parameter["name"]] for parameter in parameters]
            for node, body in itertools.product((self.leader, self.follower), self.bodies(operation)):
                # One parameter after the other through its values, the others at their first.
                for varied, values in enumerate(tried or [["-"]]):
                    for value in values:
                        chosen = [each[0] for each in tried]
                        if tried:
                            chosen[varied] = value
                        sent = [(p, v) for p, v in zip(parameters, chosen) if v != "-"]
                        url, response = self.send(node, path, method, sent, body)
                        self.assert_described(operation, method, url, response)
                        statuses.setdefault((method, path), set()).add(response.status)
        for (method, path), seen in statuses.items():
            if method != "delete":
                self.assertIn(200, seen, (method, path))

    def test_what_is_out_of_range_is_refused_as_described(self):
        for path, method, operation in self.operations():
            parameters = self.parameters(operation)
            body = self.bodies(operation)[0]
            for varied, parameter in enumerate(parameters):
                for value in REFUSED[parameter["name"]]:
                    chosen = [VALUES[each["name"]][0] for each in parameters]
                    chosen[varied] = value
                    sent = [(p, v) for p, v in zip(parameters, chosen) if v != "-"]
                    url, response = self.send(self.follower, path, method, sent, body)
                    self.assert_described(operation, method, url, response)
                    self.assertEqual(400, response.status, (method, url))

    def test_what_is_not_described_is_not_there(self):
        for path, operations in self.document["paths"].items():
            described = {method for method in operations if method in METHODS}
            url = self.follower.url.rstrip("/") + path.replace("{key}", "a")
            for method in set(METHODS) - described:
                options = ["--head"] if method == "head" else ["-X", method.upper()]
                response = curl(*options, url)
                self.assertEqual(405, response.status, (method, url))
                allowed = response.headers["allow"].lower().split(", ")
                self.assertEqual(described, set(allowed), url)
        for path in ("seq/a/b", "openapi", "openapi.json/", "sequences"):
            self.assertEqual(404, curl(self.follower.url + path).status, path)


if __name__ == "__main__":
    main()
