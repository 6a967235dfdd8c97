-- What the small service, and the consumers of the tests, have heard.
CREATE TABLE heard (
    place bigint GENERATED ALWAYS AS IDENTITY,
    id uuid PRIMARY KEY,
    subject text NOT NULL,
    partition integer NOT NULL,
    rebuilding boolean NOT NULL DEFAULT false
);
