-- People as their sign-in describes them: agents can be assigned once they have been here.
CREATE TABLE people (
    subject text PRIMARY KEY,
    name text,
    address text,
    address_verified boolean NOT NULL DEFAULT false,
    account text,
    roles text[] NOT NULL,
    seen_at timestamptz NOT NULL
);

CREATE INDEX people_of_the_desk ON people (subject) WHERE roles && '{agent,lead,admin}';

-- Who is signed in. The cookie's value is nowhere but in the browser.
CREATE TABLE sessions (
    sha256 text PRIMARY KEY,
    subject text NOT NULL REFERENCES people (subject) ON DELETE CASCADE,
    began_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    id_token text
);

CREATE INDEX sessions_by_age ON sessions (expires_at);

COMMENT ON COLUMN sessions.id_token IS 'for signing out at the provider too';

-- Sign-ins under way, between leaving for the provider and coming back.
CREATE TABLE sign_ins (
    sha256 text PRIMARY KEY,
    nonce text NOT NULL,
    verifier text NOT NULL,
    next_path text NOT NULL,
    began_at timestamptz NOT NULL
);

-- Links that open one ticket without signing in.
CREATE TABLE links (
    sha256 text PRIMARY KEY,
    ticket uuid NOT NULL,
    origin text NOT NULL CHECK (origin IN ('form', 'mail')),
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE INDEX links_by_ticket ON links (ticket);
CREATE INDEX links_by_age ON links (expires_at);

-- How far somebody has read a thread; a guest reads as the ticket's requester.
CREATE TABLE reads (
    ticket uuid NOT NULL REFERENCES threads (ticket) ON DELETE CASCADE,
    reader text NOT NULL,
    sequence integer NOT NULL CHECK (sequence >= 0),
    read_at timestamptz NOT NULL,
    PRIMARY KEY (ticket, reader)
);

-- Who has a page of a ticket, or the inbox, open now. Lost in a crash, and said again within seconds.
CREATE UNLOGGED TABLE presences (
    connection uuid PRIMARY KEY,
    ticket uuid,
    person text NOT NULL,
    name text,
    kind text NOT NULL CHECK (kind IN ('customer', 'agent')),
    seen_at timestamptz NOT NULL
);

CREATE INDEX presences_by_ticket ON presences (ticket);
CREATE INDEX presences_of_agents ON presences (seen_at) WHERE kind = 'agent';

COMMENT ON COLUMN presences.ticket IS 'none for the inbox';

-- Views of the inbox that somebody kept under a name.
CREATE TABLE saved_views (
    id uuid PRIMARY KEY,
    owner text NOT NULL,
    shared boolean NOT NULL DEFAULT false,
    name text NOT NULL,
    query text NOT NULL,
    saved_at timestamptz NOT NULL,
    UNIQUE (owner, name)
);

-- The view that somebody begins with.
CREATE TABLE default_views (
    owner text PRIMARY KEY,
    view uuid NOT NULL REFERENCES saved_views (id) ON DELETE CASCADE
);

CREATE INDEX default_views_by_view ON default_views (view);

-- Answers that agents don't want to write every day.
CREATE TABLE canned_answers (
    id uuid PRIMARY KEY,
    title text NOT NULL UNIQUE,
    text text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL
);
