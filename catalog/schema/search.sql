-- What a search reads: the names and short texts of every table, word by word. The functions are in public, since the
-- indexes need them: a dump of the schema is complete.

-- A text as its words: without accents, in small letters, with one space in the place of whatever is between words. Only
-- its first 500 characters, since a tsvector has its limits and a name has no more.
CREATE OR REPLACE FUNCTION public.search_words(words text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.regexp_replace(
    pg_catalog.normalize(pg_catalog.lower(pg_catalog."left"(words, 500)), 'NFKD'),
    '[\u0300-\u036F]+', '', 'g'), '[^[:alnum:]]+', ' ', 'g'));

COMMENT ON FUNCTION public.search_words(text) IS 'The words of a text as a search compares them: small letters, no accents, one space between.';

CREATE OR REPLACE FUNCTION public.search_vector(words text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.to_tsvector('pg_catalog.simple'::pg_catalog.regconfig, public.search_words(words));

COMMENT ON FUNCTION public.search_vector(text) IS 'The words of a text, for an index.';

-- What is no word at all, such as a dash, is found nowhere.
CREATE OR REPLACE FUNCTION public.search_prefix(word text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN public.search_words(word) <> '' THEN pg_catalog.to_tsquery(
    'pg_catalog.simple'::pg_catalog.regconfig, '''' || public.search_words(word) || ''':*') END;

COMMENT ON FUNCTION public.search_prefix(text) IS 'The question for words that begin so.';

CREATE INDEX authors_search_idx ON public.authors
    USING gin (public.search_vector(name), public.search_vector(email));
CREATE INDEX series_search_idx ON public.series
    USING gin (public.search_vector(title));
CREATE INDEX books_search_idx ON public.books
    USING gin (public.search_vector(title), public.search_vector(genre));
CREATE INDEX chapters_search_idx ON public.chapters
    USING gin (public.search_vector(title));
CREATE INDEX scenes_search_idx ON public.scenes
    USING gin (public.search_vector(title));
CREATE INDEX characters_search_idx ON public.characters
    USING gin (public.search_vector(name), public.search_vector(role));
CREATE INDEX character_arcs_search_idx ON public.character_arcs
    USING gin (public.search_vector(arc_name));
CREATE INDEX character_relationships_search_idx ON public.character_relationships
    USING gin (public.search_vector(relationship_type), public.search_vector(status));
CREATE INDEX character_timeline_events_search_idx ON public.character_timeline_events
    USING gin (public.search_vector(description), public.search_vector(event_type), public.search_vector(story_date));
CREATE INDEX character_knowledge_search_idx ON public.character_knowledge
    USING gin (public.search_vector(description));
CREATE INDEX character_scenes_search_idx ON public.character_scenes
    USING gin (public.search_vector(role));
CREATE INDEX locations_search_idx ON public.locations
    USING gin (public.search_vector(name), public.search_vector(type));
CREATE INDEX world_elements_search_idx ON public.world_elements
    USING gin (public.search_vector(name), public.search_vector(element_type));
CREATE INDEX organizations_search_idx ON public.organizations
    USING gin (public.search_vector(name), public.search_vector(type));
CREATE INDEX world_element_usage_search_idx ON public.world_element_usage
    USING gin (public.search_vector(usage_type));
CREATE INDEX plot_threads_search_idx ON public.plot_threads
    USING gin (public.search_vector(title));
CREATE INDEX plot_thread_relationships_search_idx ON public.plot_thread_relationships
    USING gin (public.search_vector(description));
CREATE INDEX timeline_events_search_idx ON public.timeline_events
    USING gin (public.search_vector(title), public.search_vector(story_date));
CREATE INDEX event_participants_search_idx ON public.event_participants
    USING gin (public.search_vector(role));
CREATE INDEX tropes_search_idx ON public.tropes
    USING gin (public.search_vector(name), public.search_vector(category));
CREATE INDEX genres_search_idx ON public.genres
    USING gin (public.search_vector(name));
CREATE INDEX lookup_values_search_idx ON public.lookup_values
    USING gin (public.search_vector(lookup_type), public.search_vector(value), public.search_vector(label));
CREATE INDEX writing_sessions_search_idx ON public.writing_sessions
    USING gin (public.search_vector(notes));
CREATE INDEX exports_search_idx ON public.exports
    USING gin (public.search_vector(table_name), public.search_vector(file_name));
