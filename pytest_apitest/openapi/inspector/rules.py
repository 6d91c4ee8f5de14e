"""The rules: what each is called, how much it weighs, what it says."""

from pytest_apitest.data import data

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)


@data
class Rule:
    """One rule.

    Args:
        name: its id.
        severity: `error`, `warning` or `info`.
        sentence: what holds where nothing is found, one sentence without a final stop.

    """

    name: str
    severity: str
    sentence: str


_ERRORS = {
    "openapi-version": "the document is OpenAPI 3.0, 3.1 or 3.2 and says so as a text",
    "duplicate-key": "a key is written once in its object",
    "unknown-field": "an object has only the fields of its version, and extensions that begin with x-",
    "missing-field": "the required fields of an object are there",
    "wrong-type": "a field has the type that its object declares",
    "bad-value": "a field has one of the values that its object allows",
    "conflicting-fields": "fields that exclude each other do not stand together",
    "ref-dead": "a reference leads to something in the document",
    "ref-external": "a reference stays in the document and the files that may be read",
    "ref-loop": "a reference does not lead back to itself",
    "ref-kind": "a reference leads to an object of the kind that is due",
    "array-items": "a schema of type array has items in OpenAPI 3.0",
    "path-template": "a path begins with a slash, has balanced braces, and since OpenAPI 3.2 follows its grammar",
    "path-duplicate": "no two paths differ only in the names of their parameters",
    "path-parameter": "the parameters of a path are those between its braces, all declared and required",
    "parameter-duplicate": "a parameter of one name and place is declared once, and one of the whole query is alone",
    "parameter-style": "a parameter has a style, and what belongs to one, that its place allows",
    "operation-id": "an operationId is used once",
    "tag-duplicate": "a tag is declared once",
    "component-name": "names of components have letters, digits, points, hyphens and underscores only",
    "header-name": "the name of a header is a token of HTTP",
    "status-code": "responses have status codes, ranges such as 4XX, or default, and at least one",
    "security-scheme": "a security requirement names a declared scheme",
    "server-variables": "variables of a server URL are declared, and their default is one of their values",
    "discriminator": "the mapping of a discriminator leads to schemas",
    "link-operation": "a link leads to an operation",
}
_WARNINGS = {
    "path-query": "a path has neither query nor fragment",
    "path-name-twice": "a name stands once in a path",
    "media-type": "the keys of content are media types or ranges",
    "server-default": "the default of a server variable is one of its values in OpenAPI 3.0 too",
    "ref-siblings": "nothing stands beside a reference in OpenAPI 3.0, where it would be ignored",
    "unknown-keyword": "a keyword of a schema is not a misspelt one, and nullable stands in OpenAPI 3.0 only",
    "schema-bounds": "the lower bound of a schema is not over its upper bound",
    "schema-pattern": "a pattern is a regular expression",
    "enum-values": "the values of an enum are different and of the type beside it",
    "required-property": "required names properties that the schema declares",
    "example-mismatch": "an example fits its schema",
    "default-mismatch": "a default fits its schema",
    "security-scopes": "a security requirement asks for scopes that its scheme declares",
    "ignored-header": "no parameter or header stands for one that OpenAPI ignores",
    "body-without-meaning": "an operation has a request body only where HTTP gives it a meaning",
    "unknown-ignore": "x-apitest-ignore is a list of rules that exist",
}
_NOTES = {
    "unused-component": "a component is used",
    "no-description": "an operation has a summary or a description",
    "undeclared-tag": "the tags of operations are declared",
}
_OF_ADR = {
    "oas3-schema": (ERROR, "the description is valid"),
    "operation-operationId-unique": (ERROR, "an operationId is used once"),
    "path-params": (ERROR, "path parameters are declared and used"),
    "openapi-tags-uniqueness": (ERROR, "a tag is declared once"),
    "oas3-valid-media-example": (ERROR, "an example of a media type, parameter or header fits its schema"),
    "oas3-valid-schema-example": (ERROR, "an example or default of a schema fits it"),
    "oas3-server-variables": (
        ERROR,
        "variables of a server URL are declared, and their default is one of their values",
    ),
    "oas3-api-servers": (ERROR, "servers are declared"),
    "path-keys-no-trailing-slash": (ERROR, "no path ends with a slash"),
    "info-contact": (ERROR, "the description names a contact"),
    "nlgov:openapi3": (ERROR, "the description is OpenAPI 3"),
    "nlgov:openapi-root-exists": (ERROR, "the document has the field openapi"),
    "nlgov:missing-version-header": (ERROR, "responses 2xx and 3xx with headers have API-Version among them"),
    "nlgov:missing-header": (ERROR, "responses 2xx and 3xx have headers"),
    "nlgov:include-major-version-in-uri": (ERROR, "the server URL has the major version"),
    "nlgov:paths-no-trailing-slash": (ERROR, "no path ends with a blank and a slash"),
    "nlgov:info-contact-fields-exist": (ERROR, "the contact has name, email and url"),
    "nlgov:http-methods": (ERROR, "a path has only get, put, post, delete and patch"),
    "nlgov:paths-kebab-case": (ERROR, "paths are in kebab-case"),
    "nlgov:query-keys-camel-case": (ERROR, "query parameters are in lower camelCase"),
    "nlgov:schema-camel-case": (WARNING, "names of schemas are in UpperCamelCase"),
    "nlgov:servers-use-https": (WARNING, "servers use https"),
    "nlgov:use-problem-schema": (ERROR, "errors are application/problem+json or application/problem+xml"),
    "nlgov:problem-schema-members": (ERROR, "the schema of a problem has status, title and detail"),
    "nlgov:problem-invalid-input": (ERROR, "operations that take input can answer 400"),
    "nlgov:property-casing": (WARNING, "properties about links are in lowerCamelCase"),
    "nlgov:date-time-ensure-timezone": (ERROR, "no property has the format date-time-local"),
    "nlgov:time-without-timezone": (ERROR, "no property has the format time"),
    "nlgov:specify-format-for-date-and-time": (ERROR, "a property that is a date by its name has a format"),
    "nlgov:use-date-instead-of-datetime": (ERROR, "a property that is a date by its name is no date-time"),
    "nlgov:semver": (ERROR, "the version of the API is a semantic version"),
}

OAS_RULES: dict[str, Rule] = {
    name: Rule(name, severity, sentence)
    for severity, rules in ((ERROR, _ERRORS), (WARNING, _WARNINGS), (INFO, _NOTES))
    for name, sentence in rules.items()
}
ADR_RULES: dict[str, Rule] = {
    name: Rule(name, severity, sentence) for name, (severity, sentence) in _OF_ADR.items()
}
RULESETS = {"oas": OAS_RULES, "adr": ADR_RULES}
