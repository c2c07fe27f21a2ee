-- Up: customers.name becomes given_name and family_name.
-- Old releases keep writing "name", so the column stays until 005.

BEGIN;

ALTER TABLE customers ADD COLUMN given_name text;
ALTER TABLE customers ADD COLUMN family_name text;

UPDATE customers
SET given_name = split_part(name, ' ', 1),
    family_name = nullif(substr(name, length(split_part(name, ' ', 1)) + 2), '')
WHERE given_name IS NULL;

CREATE FUNCTION customers_fill_names() RETURNS trigger AS $$
BEGIN
    IF NEW.given_name IS NULL THEN
        NEW.given_name := split_part(NEW.name, ' ', 1);
        NEW.family_name := nullif(substr(NEW.name, length(NEW.given_name) + 2), '');
    END IF;
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;

CREATE TRIGGER customers_fill_names
    BEFORE INSERT OR UPDATE ON customers
    FOR EACH ROW EXECUTE FUNCTION customers_fill_names();

ALTER TABLE customers ALTER COLUMN given_name SET NOT NULL;

INSERT INTO schema_version (number, applied_at) VALUES (4, now());

COMMIT;
