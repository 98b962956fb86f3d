-- What is in the trash, found without reading what is not: a row in use is in none of these.

CREATE INDEX books_trash_idx ON public.books (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX chapters_trash_idx ON public.chapters (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX scenes_trash_idx ON public.scenes (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX characters_trash_idx ON public.characters (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX character_arcs_trash_idx ON public.character_arcs (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX plot_threads_trash_idx ON public.plot_threads (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX locations_trash_idx ON public.locations (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX world_elements_trash_idx ON public.world_elements (id) WHERE deleted_at IS NOT NULL;
CREATE INDEX organizations_trash_idx ON public.organizations (id) WHERE deleted_at IS NOT NULL;
