"""Description of the HTTP face as OpenAPI: schemas, parameters, examples that work."""
