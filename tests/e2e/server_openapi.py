"""docs/openapi.yaml, as far as tests need it: which answers are described, and do they look so?"""

import json
import os
import re

OPENAPI = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/openapi.yaml")


def read_yaml(text):
    """The part of YAML that docs/openapi.yaml uses: nested maps and lists, plain and quoted scalars, [a, b]."""
    lines = [l for l in text.splitlines() if l.strip() and not l.lstrip().startswith("#")]

    def scalar(text):
        if text.startswith('"'):
            return json.loads(text)
        if text.startswith("["):
            return [scalar(part.strip()) for part in text[1:-1].split(",") if part.strip()]
        return {"true": True, "false": False}.get(text, text)

    def block(i, indent):
        """The value that starts on line i: (value, next line)."""
        if lines[i].lstrip().startswith("- "):
            items = []
            while i < len(lines) and lines[i].startswith(" " * indent + "- "):
                lines[i] = " " * (indent + 2) + lines[i][indent + 2:]
                if re.match(r' *("[^"]*"|[^\s":]+):( |$)', lines[i]):
                    item, i = block(i, indent + 2)
                else:
                    item, i = scalar(lines[i].strip()), i + 1
                items.append(item)
            return items, i
        result = {}
        while i < len(lines) and len(lines[i]) - len(lines[i].lstrip()) == indent:
            match = re.match(r' *("[^"]*"|[^\s":]+):(?: (.*))?$', lines[i])
            assert match, lines[i]
            key = match[1].strip('"')
            if match[2]:
                result[key], i = scalar(match[2].strip()), i + 1
            else:
                deeper = len(lines[i + 1]) - len(lines[i + 1].lstrip())
                assert deeper > indent, lines[i]
                result[key], i = block(i + 1, deeper)
        return result, i

    value, end = block(0, 0)
    assert end == len(lines), lines[end]
    return value


class Description:
    def __init__(self):
        with open(OPENAPI) as f:
            self.document = read_yaml(f.read())
        self.paths = []
        for path, operations in self.document["paths"].items():
            pattern = re.escape(path).replace(r"\{product\}", "[a-z0-9][a-z0-9._-]{0,63}") \
                .replace(r"\{version\}", r"[0-9A-Za-z.+-]+").replace(r"\{sha256\}", "[0-9a-f]{64}") \
                .replace(r"\{file\}", "[A-Za-z]+[.][A-Za-z.]+")
            self.paths.append((re.compile(pattern + "$"), path, operations))

    def resolve(self, node):
        while "$ref" in node:
            target = self.document
            for part in node["$ref"][2:].split("/"):
                target = target[part]
            node = target
        return node

    def find(self, method, path):
        for pattern, template, operations in self.paths:
            if pattern.match(path):
                operation = operations.get("get" if method == "HEAD" else method.lower())
                return (template, operation) if operation else None
        return None

    def check_value(self, schema, value, where):
        schema = self.resolve(schema)
        types = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
        assert type(value) is types[schema["type"]], f"{where}: {value!r} is no {schema['type']}"
        if schema["type"] == "array":
            for item in value:
                self.check_value(schema["items"], item, where + "[]")
        if schema["type"] == "object":
            for name in schema["required"]:
                assert name in value, f"{where}: {name} is missing in {value}"
            for name, member in value.items():
                described = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
                assert described, f"{where}: {name} is not described"
                self.check_value(described, member, f"{where}.{name}")
