-- The rows of genres and lookup_values. It can run again at any time: what is there is brought up to date,
-- ids are kept, nothing is deleted.

DO $$
DECLARE
    entry record;
BEGIN
    -- In this order: a wider genre comes before those within it.
    FOR entry IN SELECT * FROM (VALUES
        ('Fiction', NULL, 'Stories that are made up.'),
        ('Non-fiction', NULL, 'Books about what is, or was.'),
        ('Poetry', NULL, 'Verse of every kind.'),
        ('Drama', NULL, 'Plays, to be read or staged.'),
        ('Literary fiction', 'Fiction', 'Stories read for character, language and ideas more than for plot.'),
        ('Realist novel', 'Literary fiction', 'Ordinary life told as it is, without idealizing it.'),
        ('Coming-of-age', 'Literary fiction', 'A young person grows up; also called Bildungsroman.'),
        ('Psychological novel', 'Literary fiction', 'What happens within the characters matters most.'),
        ('Social novel', 'Literary fiction', 'A wrong of society, shown through those who suffer it.'),
        ('Satire', 'Literary fiction', 'Follies and vices shown up by ridicule.'),
        ('Picaresque', 'Literary fiction', 'The adventures of a likeable rogue, episode by episode.'),
        ('Epistolary novel', 'Literary fiction', 'Told in letters, diaries and other papers.'),
        ('Family saga', 'Literary fiction', 'A family over generations.'),
        ('Historical fiction', 'Fiction', 'Set in a past before the author''s own time.'),
        ('War fiction', 'Historical fiction', 'War, and those who fight or endure it.'),
        ('Adventure', 'Fiction', 'Danger, journeys and quests.'),
        ('Sea story', 'Adventure', 'Ships, crews and the sea.'),
        ('Western', 'Adventure', 'The American frontier.'),
        ('Romance', 'Fiction', 'A love story at the centre, with a hopeful end.'),
        ('Historical romance', 'Romance', 'A love story set in the past.'),
        ('Comedy of manners', 'Romance', 'Courtship and class, seen with wit.'),
        ('Crime', 'Fiction', 'A crime, and what follows from it.'),
        ('Mystery', 'Crime', 'A puzzle that the reader may solve.'),
        ('Detective fiction', 'Mystery', 'Somebody investigates a crime, by profession or by passion.'),
        ('Thriller', 'Crime', 'Suspense, with much at stake and little time.'),
        ('Spy fiction', 'Thriller', 'Secret services and double lives.'),
        ('Fantasy', 'Fiction', 'Worlds in which magic works.'),
        ('Epic fantasy', 'Fantasy', 'The fate of a whole invented world.'),
        ('Portal fantasy', 'Fantasy', 'Somebody from our world enters another.'),
        ('Urban fantasy', 'Fantasy', 'Magic in the modern city.'),
        ('Fairy tale', 'Fantasy', 'Tales of wonder in the manner of folklore.'),
        ('Science fiction', 'Fiction', 'What science and technology could make of us.'),
        ('Scientific romance', 'Science fiction', 'Early science fiction of the nineteenth century.'),
        ('Space opera', 'Science fiction', 'Adventure among the stars.'),
        ('Dystopia', 'Science fiction', 'A society gone wrong.'),
        ('Utopia', 'Science fiction', 'A society better than ours.'),
        ('Time travel', 'Science fiction', 'Journeys through time.'),
        ('Horror', 'Fiction', 'Made to frighten.'),
        ('Gothic fiction', 'Horror', 'Old houses, old guilt, and what may haunt them.'),
        ('Ghost story', 'Horror', 'The dead return.'),
        ('Magical realism', 'Fiction', 'The marvellous as a part of ordinary life.'),
        ('Humour', 'Fiction', 'Made to make the reader laugh.'),
        ('Children''s literature', 'Fiction', 'Written for children.'),
        ('Young adult', 'Fiction', 'Written for young people.'),
        ('Biography', 'Non-fiction', 'A life told by another.'),
        ('Memoir', 'Non-fiction', 'A life, or a part of it, told by the one who lived it.'),
        ('History', 'Non-fiction', 'The past, as far as it can be known.'),
        ('Essays', 'Non-fiction', 'Thoughts on a subject, in prose.'),
        ('Travel writing', 'Non-fiction', 'Journeys and places.'),
        ('Philosophy', 'Non-fiction', 'What can be known, and how to live.'),
        ('Epic poetry', 'Poetry', 'Long poems of heroes and peoples.'),
        ('Tragedy', 'Drama', 'A great fall, moving to pity and fear.'),
        ('Comedy', 'Drama', 'Confusions that end well.')
    ) AS tree (name, parent, description)
    LOOP
        INSERT INTO public.genres AS g (name, description, parent_genre_id)
        VALUES (entry.name, entry.description, (SELECT id FROM public.genres WHERE name = entry.parent))
        ON CONFLICT (name) DO UPDATE
            SET description = excluded.description, parent_genre_id = excluded.parent_genre_id
            WHERE (g.description, g.parent_genre_id)
                  IS DISTINCT FROM (excluded.description, excluded.parent_genre_id);
    END LOOP;
END
$$;

-- Words of the lists that the database insists on (those with a CHECK), then suggestions for columns that take
-- any word. A label is made from its word; the few that come out wrong are named at the end.
INSERT INTO public.lookup_values AS l (lookup_type, value, label, display_order)
SELECT list.lookup_type, word.value,
       coalesce(named.label, upper(left(word.value, 1)) || lower(replace(substr(word.value, 2), '_', ' '))),
       word.place
  FROM (VALUES
    ('series.status', ARRAY['planned', 'ongoing', 'complete', 'hiatus', 'abandoned']),
    ('books.status', ARRAY['planned', 'draft', 'editing', 'published', 'archived']),
    ('chapters.status', ARRAY['planned', 'draft', 'revised', 'final']),
    ('character_knowledge.knowledge_type', ARRAY['fact', 'secret', 'skill', 'person', 'place', 'event']),
    ('character_knowledge.level', ARRAY['knows', 'suspects', 'believes_wrongly', 'forgot']),
    ('plot_threads.thread_type', ARRAY['main', 'subplot', 'romance', 'mystery', 'character']),
    ('plot_threads.status', ARRAY['planned', 'active', 'resolved', 'dropped']),
    ('plot_thread_relationships.relationship_type', ARRAY['causes', 'blocks', 'mirrors', 'feeds']),
    ('writing_goals.goal_type', ARRAY['words', 'chapters', 'scenes', 'minutes']),
    ('writing_goals.period', ARRAY['day', 'week', 'month', 'total']),
    ('exports.format', ARRAY['json', 'csv', 'xlsx', 'sql']),
    ('exports.status', ARRAY['queued', 'running', 'done', 'failed']),
    ('audit_logs.operation', ARRAY[
        'QUERY', 'INSERT', 'UPDATE', 'DELETE', 'RESTORE_RECORDS', 'PURGE',
        'BATCH_INSERT', 'BATCH_UPDATE', 'BATCH_DELETE', 'BULK_LOAD', 'UNDO',
        'GET_SCHEMA', 'LIST_TABLES', 'GET_RELATIONSHIPS', 'LIST_TABLE_COLUMNS',
        'AUDIT_QUERY', 'AUDIT_SUMMARY',
        'EXPORT_JSON', 'EXPORT_CSV', 'EXPORT_XLSX', 'EXPORT_SQL', 'IMPORT_JSON', 'IMPORT_CSV', 'IMPORT_XLSX',
        'BACKUP_FULL', 'BACKUP_TABLE', 'BACKUP_INCREMENTAL',
        'RESTORE_FULL', 'RESTORE_TABLE', 'RESTORE_INCREMENTAL',
        'VALIDATE_BACKUP', 'LIST_BACKUPS', 'DOWNLOAD_BACKUP', 'DELETE_BACKUP',
        'UPLOAD_BACKUP', 'TRUST_BACKUP', 'COPY_BACKUP', 'FETCH_BACKUP', 'DELETE_COPY',
        'LOGIN', 'LOGIN_FAILED', 'LOGOUT', 'GRANT', 'REVOKE', 'KEY_CREATED', 'KEY_REVOKED', 'USER_CHANGED',
        'SAVE_VIEW', 'DELETE_VIEW', 'EXPIRE_SESSIONS']),
    ('audit_logs.channel', ARRAY['admin', 'api', 'mcp', 'task', 'command']),
    ('books.genre', ARRAY['literary fiction', 'realist novel', 'social novel', 'historical fiction', 'adventure',
        'romance', 'mystery', 'thriller', 'fantasy', 'science fiction', 'horror', 'gothic fiction', 'satire', 'non-fiction']),
    ('characters.role', ARRAY['protagonist', 'deuteragonist', 'antagonist', 'love interest', 'confidant', 'mentor',
        'foil', 'sidekick', 'narrator', 'supporting', 'minor', 'mentioned']),
    ('character_scenes.role', ARRAY['protagonist', 'point of view', 'speaker', 'participant', 'observer', 'mentioned']),
    ('character_arcs.arc_name', ARRAY['Coming of age', 'Redemption', 'Fall from grace', 'Disillusionment',
        'Self-discovery', 'Revenge', 'Transformation', 'Sacrifice', 'Reconciliation', 'Steadfastness']),
    ('character_relationships.relationship_type', ARRAY['mother', 'father', 'daughter', 'son', 'sister', 'brother',
        'wife', 'husband', 'betrothed', 'lover', 'admirer', 'friend', 'confidant', 'mentor', 'pupil', 'guardian', 'ward',
        'employer', 'servant', 'ally', 'rival', 'enemy', 'acquaintance']),
    ('character_relationships.status', ARRAY['active', 'growing', 'strained', 'secret', 'broken', 'ended', 'reconciled']),
    ('character_timeline_events.event_type', ARRAY['birth', 'childhood', 'education', 'journey', 'meeting', 'betrothal',
        'marriage', 'discovery', 'decision', 'conflict', 'loss', 'illness', 'death']),
    ('event_participants.role', ARRAY['cause', 'host', 'participant', 'opponent', 'victim', 'rescuer', 'witness']),
    ('locations.type', ARRAY['world', 'continent', 'country', 'region', 'city', 'town', 'village', 'street', 'house',
        'room', 'estate', 'castle', 'church', 'school', 'shop', 'inn', 'ship', 'river', 'sea', 'island', 'mountain', 'forest']),
    ('organizations.type', ARRAY['family', 'company', 'government', 'military', 'church', 'school', 'club', 'crew',
        'court of law', 'police', 'criminal gang', 'secret society']),
    ('world_elements.element_type', ARRAY['magic', 'technology', 'creature', 'people', 'religion', 'law', 'custom',
        'language', 'object', 'history', 'science']),
    ('world_element_usage.usage_type', ARRAY['introduced', 'explained', 'used', 'mentioned', 'changed', 'broken']),
    ('tropes.category', ARRAY['character', 'plot', 'relationship', 'setting', 'structure', 'theme'])
  ) AS list (lookup_type, words)
  CROSS JOIN unnest(list.words) WITH ORDINALITY AS word (value, place)
  LEFT JOIN (VALUES
    ('exports.format', 'json', 'JSON'),
    ('exports.format', 'csv', 'CSV'),
    ('exports.format', 'xlsx', 'Excel (XLSX)'),
    ('exports.format', 'sql', 'SQL'),
    ('audit_logs.channel', 'admin', 'Web admin'),
    ('audit_logs.channel', 'api', 'REST API'),
    ('audit_logs.channel', 'mcp', 'Agent (MCP)'),
    ('audit_logs.channel', 'task', 'Scheduled task'),
    ('audit_logs.channel', 'command', 'Command line')
  ) AS named (lookup_type, value, label) ON (named.lookup_type, named.value) = (list.lookup_type, word.value)
ON CONFLICT (lookup_type, value) DO UPDATE SET label = excluded.label, display_order = excluded.display_order
    WHERE (l.label, l.display_order) IS DISTINCT FROM (excluded.label, excluded.display_order);
