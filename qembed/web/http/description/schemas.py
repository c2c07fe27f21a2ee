"""Schemas of what requests and answers hold, for the OpenAPI description."""

from __future__ import annotations

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]


def text(description: str = "", **more: Any) -> Schema:
    """Schema of a text."""
    return {"type": "string", **_said(description), **more}


def whole(description: str = "", **more: Any) -> Schema:
    """Schema of a whole number."""
    return {"type": "integer", **_said(description), **more}


def number(description: str = "") -> Schema:
    """Schema of a number."""
    return {"type": "number", **_said(description)}


def truth(description: str = "") -> Schema:
    """Schema of true or false."""
    return {"type": "boolean", **_said(description)}


def choice(description: str, *values: str, default: str | None = None) -> Schema:
    """Schema of one of some texts."""
    chosen = {} if default is None else {"default": default}
    return {"type": "string", "enum": list(values), "description": description, **chosen}


def listed(items: Schema, description: str = "") -> Schema:
    """Schema of a list."""
    return {"type": "array", "items": items, **_said(description)}


def fields(required: tuple[str, ...] = (), description: str = "", **properties: Schema) -> Schema:
    """Schema of an object. Further fields may be there."""
    wanted = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **wanted, **_said(description)}


def optional(schema: Schema) -> Schema:
    """The schema, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def reference(name: str) -> Schema:
    """Reference to a schema of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


def _said(description: str) -> Schema:
    return {"description": description} if description else {}


_ONE_OR_MORE = {"oneOf": [text(), listed(text())]}
_NUMBERS = {"type": "object", "additionalProperties": {"type": ["number", "null"]}}
SCHEMAS: dict[str, Schema] = {
    "Error": fields(
        ("error",),
        error=fields(
            ("code", "message"),
            code=text("for programs"),
            message=text("in the words of the command line"),
            problems=listed(text(), "all that is wrong"),
            parameter=text("what is wrong"),
        ),
    ),
    "OpenAIError": fields(
        ("error",),
        error=fields(
            ("code", "message", "type"),
            code=text(),
            message=text(),
            type=text(),
            param=optional(text()),
        ),
    ),
    "Snippet": fields(
        ("start", "end", "matches"),
        "the sentence that answers best: [start, end) in the hit's text",
        start=whole(),
        end=whole(),
        matches=listed(listed(whole()), "the query's words: [start, end) in the hit's text"),
        line=optional(whole("of the file, from 1")),
    ),
    "Hit": fields(
        ("rank", "score", "document", "text"),
        rank=whole("from 1, over all pages"),
        score=number("higher is better"),
        scores={**_NUMBERS, "description": "of each stage: dense, lexical, rerank"},
        document=text("id"),
        path=optional(text("of the file")),
        line=optional(whole("of the file, from 1")),
        end_line=optional(whole()),
        kind=choice("of the hit", "text", "image"),
        picture=text("digest of the pixels of a picture, or of the one that the text was read in"),
        passage=fields(seq=whole(), start=whole(), end=whole(), line=whole(), end_line=whole()),
        text=text("of the passage"),
        title=text(),
        meta=fields((), "metadata of the document"),
        snippet=reference("Snippet"),
    ),
    "Answer": fields(
        ("generation", "hits", "cursor"),
        generation=whole("of the index"),
        recipe=text("fingerprint of what determines vectors"),
        query=text(),
        query_id=text("of the logged query; only if it was logged"),
        instruction=optional(text("what was encoded, if other than the words")),
        hits=listed(reference("Hit")),
        cursor=optional(text("of the next page, null at the last one")),
        warnings=listed(text()),
        seconds=_NUMBERS,
    ),
    "Search": fields(
        (),
        "query or image is wanted",
        query=text("the words"),
        image=text(
            "a picture in base64 in place of words: PNG, JPEG, WebP, GIF, TIFF or BMP; without mode, task, "
            "rerank, and not logged",
            contentEncoding="base64",
        ),
        k=whole("hits of a page", minimum=1, maximum=1000, default=10),
        where={**_ONE_OR_MORE, "description": "filters, as of query --where"},
        mode=choice("search mode", "auto", "dense", "lexical", "hybrid", default="auto"),
        task=text("name or text of the task in the instruction"),
        rerank=text("late, learned, a built-in reranker, or the index's own"),
        by=choice("unit of a hit", "passage", "document", default="passage"),
        kind=choice("of hits; both without it", "text", "image"),
        context=whole("neighbouring passages on both sides", minimum=0, maximum=100, default=0),
        snippets=choice("how snippets are found", "words", "meaning", "none", default="words"),
        cursor=text("of the page before, with all other parameters as they were"),
        log=truth("whether the query is logged; default: as the index says"),
        client=text("who asks: an id, or person:ID, agent:ID, test:ID"),
        session=text("what the query belongs to"),
    ),
    "Event": fields(
        (),
        "an event as of `feedback add`, or a row of User Behavior Insights",
        query_id=text("the query_id of an answer"),
        action=text("click, open, copy, dwell, cite, thumbs_up, thumbs_down, …"),
        object=text("id of the document; or position"),
        position=whole("rank of the hit, from 1", minimum=1),
        seconds=number("of dwell"),
        event_id=text("given twice it is logged once"),
        action_name=text("of UBI, instead of action"),
    ),
    "Events": fields(("events",), events=listed(reference("Event"))),
    "Taken": fields(
        ("events", "duplicates", "refused"),
        events=whole("events that were taken"),
        duplicates=whole("that were there"),
        refused={"type": "object", "additionalProperties": {"type": "integer"}},
        problems=listed(text()),
    ),
    "Document": fields(
        ("document", "text", "line", "end_line", "lines"),
        document=text("id"),
        title=text(),
        meta=fields((), "metadata"),
        path=optional(text()),
        text=text("as the index has it"),
        start=whole("offset of the text in the document"),
        end=whole(),
        line=whole("first line of the text, from 1"),
        end_line=whole(),
        lines=whole("of the whole document"),
        passages=whole(),
    ),
    "Similar": fields(
        ("document", "hits"), document=text("id"), generation=whole(), hits=listed(reference("Hit"))
    ),
    "Choices": fields(
        ("generation", "fields", "modes", "rerankers", "log"),
        generation=whole(),
        documents=whole(),
        fields=listed(
            fields(
                ("name", "documents", "types", "distinct", "values"),
                name=text("as a filter writes it"),
                documents=whole("that have it"),
                types={"type": "object", "additionalProperties": {"type": "integer"}},
                distinct=whole("number of different values"),
                min={"description": "least number or date, null for other values"},
                max={"description": "greatest number or date, null for other values"},
                values=listed(fields(("value", "count"), value={}, count=whole())),
                long=whole("number of texts that are too long to be listed"),
            )
        ),
        modes=listed(text()),
        rerankers=listed(text()),
        pictures=truth("whether there can be pictures among the hits"),
        picture_bytes=whole("of the largest picture that can be searched by"),
        most_hits=whole(),
        log=choice("whether queries are logged", "off", "on", "hashed"),
    ),
    "Map": fields(
        ("generation", "points", "xy", "ids", "titles", "groups", "colors"),
        generation=whole("of the index; one before the present, while its own is made"),
        method=choice("how places were found", "pca", "tsne"),
        points=whole("number of those shown"),
        total=whole("number of documents; of more than are shown a sample was drawn"),
        xy=text("places in base64: uint16, little-endian, x and y in turns; 0 to 65535 is -1 to 1"),
        ids=listed(text()),
        titles=listed(text()),
        paths=listed(text("distinct ones, from the folder of the index")),
        path=text("number of each point's path in base64: int32, little-endian; -1 for none"),
        groups=listed(
            fields(
                ("size", "words"),
                size=whole(),
                words=listed(text("one that tells of the group")),
                x=number("place of the name"),
                y=number(),
            )
        ),
        colors=listed(
            fields(
                ("name", "kind", "bytes"),
                name=text("cluster, source, folder, suffix, modified, or a field"),
                kind=choice("of values", "category", "number", "date"),
                labels=listed(text("category, by its number")),
                least=number("value of byte 0 of a number, or of a date in days since 1970"),
                most=number("value of byte 254"),
                bytes=text("a byte for each point in base64; 255: no value"),
            )
        ),
        alike=listed(
            fields(
                ("points", "size"),
                points=listed(whole("number of a point")),
                size=whole("members, also those not on the map"),
                copies=whole(),
                lowest=number("score of the member that is least like the first"),
            )
        ),
        alike_total=whole("clusters of near-duplicates in all"),
        warnings=listed(text()),
    ),
    "Making": fields(
        ("state", "phase", "done"),
        state=choice("ask again in a moment", "making"),
        phase=text("what is being done"),
        done=whole("units of the phase"),
        total=optional(whole("units of the phase, null where that is not known")),
        warnings=listed(text("what the map will lack, as of an index that is half made")),
    ),
    "Status": fields(
        ("index", "generation", "model"),
        index=text(),
        generation=whole(),
        model=text(),
        documents=whole(),
        passages=whole(),
        requests=whole(),
        up_seconds=number(),
    ),
    "Health": fields(("status",), status=text(), version=text()),
    "Embeddings": fields(
        ("input",),
        input={**_ONE_OR_MORE, "description": "texts, at most 2,048"},
        model=text("the index's; another one is refused"),
        encoding_format=choice("form of a vector", "float", "base64", default="float"),
        dimensions=whole("to cut to, if the model was trained for it", minimum=1),
        input_type=choice(
            "whose template is put around; default: none",
            *("query", "document", "passage", "search_query", "search_document"),
        ),
        user=text(),
    ),
    "Vectors": fields(
        ("data", "model", "usage"),
        object=text(),
        data=listed(
            fields(
                ("index", "embedding"),
                object=text(),
                index=whole(),
                embedding={"oneOf": [listed(number()), text("float32, little-endian, in base64")]},
            )
        ),
        model=text(),
        usage=fields(prompt_tokens=whole(), total_tokens=whole()),
    ),
    "Rerank": fields(
        ("query", "documents"),
        query=text(),
        documents={
            "type": "array",
            "items": {"oneOf": [text(), fields(("text",), text=text())]},
        },
        model=text("late, or another reranker of /v1/models; default: the index's, else late"),
        top_n=whole("best ones to return; default: all", minimum=1),
        return_documents=truth("whether the texts are returned"),
        instruction=text("task, for rerankers that read one"),
    ),
    "Ranking": fields(
        ("results",),
        model=text(),
        results=listed(
            fields(("index", "relevance_score"), index=whole(), relevance_score=number())
        ),
    ),
    "Models": fields(("data",), object=text(), data=listed(fields(("id",), id=text()))),
}
