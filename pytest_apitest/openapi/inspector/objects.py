"""The objects of OpenAPI 3.0, 3.1 and 3.2 as declarations: fields, what stands in them, since and until when.

Source: OpenAPI Specification 3.0.4, 3.1.1 and 3.2.0, section "Schema" with the tables "Fixed Fields" and "Patterned
Fields" of every object; JSON Schema 2020-12 for the schemas of 3.1 and later.

A declaration is a text with one field a line: `name kind [versions]`. A `!` behind the name means required; versions
are `3.0` (only there), `3.1` or `3.2` (since then). Kinds:

- `text`, `flag`, `number`, `positive`, `count`, `any`, `uri`, `names` (texts, each once), `values` (one or more);
- `=a|b`: one of these texts;
- `Name`: that object; `&Name`: it, or a Reference Object; `schema`: a Schema Object, or a Boolean since 3.1;
- `[kind]`: a list; `[+kind]`: not empty; `{kind}`: a map.
"""

import functools

from pytest_apitest.data import data
from pytest_apitest.errors import near

VERSIONS = ("3.0", "3.1", "3.2")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")

_STYLES = "matrix|label|form|simple|spaceDelimited|pipeDelimited|deepObject"
_COMMON_EXAMPLES = """
example any
examples {&Example}
"""

_DECLARED: dict[str, str] = {
    "OpenAPI": """
openapi! any
$self uri 3.2
info! Info
jsonSchemaDialect uri 3.1
servers [Server]
paths Paths
webhooks {PathItem} 3.1
components Components
security [SecurityRequirement]
tags [Tag]
externalDocs ExternalDocs
""",
    "Info": """
title! text
summary text 3.1
description text
termsOfService uri
contact Contact
license License
version! text
""",
    "Contact": "name text\nurl uri\nemail email",
    "License": "name! text\nidentifier text 3.1\nurl uri",
    "Server": "url! text\ndescription text\nname text 3.2\nvariables {ServerVariable}",
    "ServerVariable": "enum [text] 3.0\nenum [+text] 3.1\ndefault! text\ndescription text",
    "Components": """
schemas {schema}
responses {&Response}
parameters {&Parameter}
examples {&Example}
requestBodies {&RequestBody}
headers {&Header}
securitySchemes {&SecurityScheme}
links {&Link}
callbacks {&Callback}
pathItems {PathItem} 3.1
mediaTypes {&MediaType} 3.2
""",
    "PathItem": """
$ref text
summary text
description text
get Operation
put Operation
post Operation
delete Operation
options Operation
head Operation
patch Operation
trace Operation
query Operation 3.2
additionalOperations {Operation} 3.2
servers [Server]
parameters [&Parameter]
""",
    "Operation": """
tags [text]
summary text
description text
externalDocs ExternalDocs
operationId text
parameters [&Parameter]
requestBody &RequestBody
responses Responses
callbacks {&Callback}
deprecated flag
security [SecurityRequirement]
servers [Server]
""",
    "ExternalDocs": "description text\nurl! uri",
    "Parameter": """
name! text
in! =query|header|path|cookie|querystring
description text
required flag
deprecated flag
allowEmptyValue flag
"""
    f"style ={_STYLES}|cookie"
    """
explode flag
allowReserved flag
schema schema
content {&MediaType}
""" + _COMMON_EXAMPLES,
    "RequestBody": "description text\ncontent! {&MediaType}\nrequired flag",
    "MediaType": """
schema schema
itemSchema schema 3.2
encoding {Encoding}
prefixEncoding [Encoding] 3.2
itemEncoding Encoding 3.2
"""
    + _COMMON_EXAMPLES,
    "Encoding": f"""
contentType text
headers {{&Header}}
style ={_STYLES}
explode flag
allowReserved flag
encoding {{Encoding}} 3.2
prefixEncoding [Encoding] 3.2
itemEncoding Encoding 3.2
""",
    "Response": """
summary text 3.2
description text
headers {&Header}
content {&MediaType}
links {&Link}
""",
    "Example": """
summary text
description text
value any
externalValue uri
dataValue any 3.2
serializedValue text 3.2
""",
    "Link": """
operationRef uri
operationId text
parameters {any}
requestBody any
description text
server Server
""",
    "Header": """
description text
required flag
deprecated flag
allowEmptyValue flag 3.0
style =simple
explode flag
allowReserved flag 3.0
schema schema
content {&MediaType}
"""
    + _COMMON_EXAMPLES,
    "Tag": """
name! text
summary text 3.2
description text
externalDocs ExternalDocs
parent text 3.2
kind text 3.2
""",
    "SecurityScheme": """
type! =apiKey|http|mutualTLS|oauth2|openIdConnect
description text
name text
in =query|header|cookie
scheme text
bearerFormat text
flows Flows
openIdConnectUrl uri
oauth2MetadataUrl uri 3.2
deprecated flag 3.2
""",
    "Flows": """
implicit Flow
password Flow
clientCredentials Flow
authorizationCode Flow
deviceAuthorization Flow 3.2
""",
    "Flow": """
authorizationUrl uri
deviceAuthorizationUrl uri 3.2
tokenUrl uri
refreshUrl uri
scopes! {text}
""",
    "Discriminator": "propertyName! text\nmapping {text}\ndefaultMapping text 3.2",
    "XML": "name text\nnamespace uri\nprefix text\nattribute flag\nwrapped flag\nnodeType text 3.2",
    "Schema": """
title text
multipleOf positive
maximum number
exclusiveMaximum bound
minimum number
exclusiveMinimum bound
maxLength count
minLength count
pattern text
maxItems count
minItems count
uniqueItems flag
maxProperties count
minProperties count
required names
enum values
type types
not schema
allOf [+schema]
oneOf [+schema]
anyOf [+schema]
items schema
properties {schema}
additionalProperties either
description text
format text
default any
nullable flag 3.0
discriminator Discriminator
readOnly flag
writeOnly flag
example any
externalDocs ExternalDocs
deprecated flag
xml XML
$ref text
const any 3.1
examples [any] 3.1
prefixItems [+schema] 3.1
contains schema 3.1
minContains count 3.1
maxContains count 3.1
patternProperties {schema} 3.1
propertyNames schema 3.1
dependentSchemas {schema} 3.1
dependentRequired {names} 3.1
if schema 3.1
then schema 3.1
else schema 3.1
unevaluatedItems schema 3.1
unevaluatedProperties schema 3.1
contentEncoding text 3.1
contentMediaType text 3.1
contentSchema schema 3.1
$defs {schema} 3.1
definitions {schema} 3.1
$id text 3.1
$schema text 3.1
$anchor text 3.1
$dynamicAnchor text 3.1
$dynamicRef text 3.1
$vocabulary any 3.1
$comment text 3.1
""",
}

# Objects whose fields are names of the author's: kind of what stands under them.
PATTERNED = {"Paths": "PathItem", "Responses": "&Response", "Callback": "PathItem"}

# How an object is called in messages, with its article.
_CALLED = {
    "OpenAPI": "the description",
    "ExternalDocs": "an External Documentation Object",
    "Flow": "an OAuth Flow Object",
    "Flows": "an OAuth Flows Object",
}
_WITH_SCHEMA = frozenset({"Parameter", "Header", "MediaType"})
_KEYWORDS = frozenset(
    {
        *(
            "type",
            "format",
            "enum",
            "default",
            "items",
            "properties",
            "pattern",
            "nullable",
            "minimum",
            "maximum",
        ),
        *("minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "multipleOf"),
        *("allOf", "anyOf", "oneOf"),
    }
)
_VOWELS = "AEIOU"


def called(name: str) -> str:
    """Return how an object is called in messages."""
    if name in _CALLED:
        return _CALLED[name]
    words = "".join(f" {one}" if one.isupper() and name != "XML" else one for one in name).strip()
    return f"{'an' if words[0] in _VOWELS + 'X' else 'a'} {words} Object"


@data
class Kind:
    """What may stand in a field.

    Args:
        op: `object`, `list`, `map`, or the name of a check.
        name: the object, or the texts of a choice.
        item: kind of what is in a list or map.
        reference: whether a Reference Object may stand instead.
        least: fewest items of a list.

    """

    op: str
    name: str = ""
    item: "Kind | None" = None
    reference: bool = False
    least: int = 0


@data
class Shape:
    """An object of one version.

    Args:
        name: its name.
        fields: kinds by field.
        required: the fields that must be there.
        elsewhere: fields that other versions have, with the version.

    """

    name: str
    fields: dict[str, Kind]
    required: tuple[str, ...]
    elsewhere: dict[str, str]

    def nearest(self, field: str) -> str | None:
        """Return the field that a misspelt one means, or that what stands here belongs under."""
        if self.is_of_schema(field):
            return "schema"
        return near(field, [name for name in self.fields if name != "$ref"])

    def is_of_schema(self, field: str) -> bool:
        """Tell whether a field is a keyword of the schema below this object, as Swagger 2.0 wrote it."""
        return self.name in _WITH_SCHEMA and field in _KEYWORDS

    def unknown(self, field: str, version: str) -> str:
        """Return what is wrong with a field that it has not."""
        if self.is_of_schema(field):
            return f'"{field}" is no field of {called(self.name)}; it belongs under "schema"'
        if field in self.elsewhere:
            since = self.elsewhere[field]
            words = "ended with" if since == "3.0" else "came with"
            return f'"{field}" is not in OpenAPI {version}; it {words} {since}'
        nearest = self.nearest(field)
        hint = f'; did you mean "{nearest}"?' if nearest is not None else ""
        return f'unknown field "{field[:80]}" in {called(self.name)}{hint}'


@functools.lru_cache(maxsize=4)
def shapes_of(version: str) -> dict[str, Shape]:
    """Return the objects of a version (`3.0`, `3.1` or `3.2`) by name."""
    found = {}
    for name, text in _DECLARED.items():
        fields: dict[str, Kind] = {}
        elsewhere: dict[str, str] = {}
        required: list[str] = []
        for line in filter(None, map(str.strip, text.split("\n"))):
            field, kind, *since = line.split()
            if since and not (version == "3.0" if since[0] == "3.0" else version >= since[0]):
                elsewhere[field] = since[0]
                continue
            fields[field.rstrip("!")] = kind_of(kind)
            if field.endswith("!"):
                required.append(field[:-1])
        found[name] = Shape(name, fields, tuple(required), elsewhere)
    return found


@functools.lru_cache(maxsize=200)
def kind_of(text: str) -> Kind:
    """Return a kind that is written as declarations write it."""
    if text.startswith("["):
        least = int(text[1] == "+")
        return Kind("list", item=kind_of(text[1 + least : -1]), least=least)
    if text.startswith("{"):
        return Kind("map", item=kind_of(text[1:-1]))
    if text.startswith("="):
        return Kind("choice", name=text[1:])
    if text.startswith("&"):
        return Kind("object", name=text[1:], reference=True)
    if text[0].isupper():
        return Kind("object", name=text)
    return Kind(text)


def is_extension(name: str) -> bool:
    """Tell whether a field is an extension (OpenAPI 3.1, section 4.9 "Specification Extensions")."""
    return name.startswith("x-")
