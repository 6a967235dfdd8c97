-- Similar words, for what was mistyped.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- The documentation, as its folder has it.
CREATE TABLE articles (
    slug text PRIMARY KEY,
    section text NOT NULL,
    title text NOT NULL,
    summary text NOT NULL,
    source text NOT NULL,
    plain text NOT NULL,
    keywords text[] NOT NULL DEFAULT '{}',
    position integer NOT NULL,
    sha256 text NOT NULL,
    changed_at timestamptz NOT NULL,
    words tsvector NOT NULL
);

CREATE INDEX articles_by_words ON articles USING gin (words);

COMMENT ON COLUMN articles.source IS 'the body in Markdown';
COMMENT ON COLUMN articles.plain IS 'the body without its marks and headings, to quote from';

-- Every word of the articles, to find the one that somebody meant.
CREATE TABLE article_words (
    word text PRIMARY KEY,
    articles integer NOT NULL
);

CREATE INDEX article_words_by_likeness ON article_words USING gin (word gin_trgm_ops);

-- Whether an article helped; one voice for each reader and article.
CREATE TABLE article_votes (
    slug text NOT NULL,
    voter text NOT NULL,
    helped boolean NOT NULL,
    voted_at timestamptz NOT NULL,
    PRIMARY KEY (slug, voter)
);

COMMENT ON TABLE article_votes IS
    'they stay when an article goes: its file may come back, and its voices with it';
CREATE INDEX article_votes_lately ON article_votes (slug, voted_at);
