"""The API's own description, OpenAPI 3.1, made of the tables that the API itself works by."""
