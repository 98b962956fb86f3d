"""The catalog's pages in the admin; config.admin registers them."""
