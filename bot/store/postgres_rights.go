package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Exposure is something that others may do to the database, and the line of SQL or shell
// that ends it.
type Exposure struct{ Says, Remedy string }

// ErrExposed: others could make the bot run their code, or change what it stored.
var ErrExposed = errors.New("others can change it")

// place is where our tables are, or would be created, in a PostgreSQL database.
type place struct {
	schema string
	// unsafe is what stops the bot: others could decide in its name.
	unsafe []Exposure
	// exposed is what the bot's operator should know.
	exposed []Exposure
}

// found inspects a database before anything of ours is used there.
func found(ctx context.Context, config *pgx.ConnConfig) (at place, err error) {
	// The settings of the role, the database and the address say where our tables are.
	// The query uses qualified names, which those settings cannot redirect.
	db := connect(config, fmt.Sprintf("SET statement_timeout = %d", statementsTake.Milliseconds()), silence)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return at, err
	}
	defer conn.Close()
	var schemas string
	if err := conn.QueryRowContext(ctx, `SELECT pg_catalog.array_to_json(pg_catalog.current_schemas(false))::pg_catalog.text`).
		Scan(&schemas); err != nil {
		return at, fmt.Errorf("ask for the schemas: %w", err)
	}
	// From here on, every name means PostgreSQL's own object.
	if _, err := conn.ExecContext(ctx, `SET search_path = pg_catalog, pg_temp`); err != nil {
		return at, err
	}
	err = conn.QueryRowContext(ctx, findSchema, schemas).Scan(&at.schema)
	if errors.Is(err, sql.ErrNoRows) {
		role := pgx.Identifier{config.User}.Sanitize()
		return at, fmt.Errorf("there is no schema that its user may use. Run this in the database, as its owner: CREATE SCHEMA %s AUTHORIZATION %s;", role, role)
	}
	if err != nil {
		return at, fmt.Errorf("look for our tables: %w", err)
	}
	rows, err := conn.QueryContext(ctx, othersMay, at.schema, strings.Join(ourTables, ","))
	type finding struct {
		Exposure
		unsafe bool
	}
	all, err := collect(rows, err, func(row scanner) (f finding, err error) {
		err = row.Scan(&f.unsafe, &f.Says, &f.Remedy)
		return f, err
	})
	for _, f := range all {
		if f.unsafe {
			at.unsafe = append(at.unsafe, f.Exposure)
		} else {
			at.exposed = append(at.exposed, f.Exposure)
		}
	}
	if err != nil {
		return at, fmt.Errorf("ask who else has rights: %w", err)
	}
	return at, nil
}

// toldAtOnce is how many exposures one error lists.
const toldAtOnce = 5

// refusal is nil unless somebody besides superusers and owners could act as the bot.
func (p place) refusal() error {
	if len(p.unsafe) == 0 {
		return nil
	}
	says, mends := Together(p.unsafe)
	return fmt.Errorf("%w: %s. Run this in the database, as a superuser or the owner of the schema: %s", ErrExposed, says, mends)
}

// Together joins several exposures to a phrase, and their remedies to one line.
func Together(all []Exposure) (says, remedy string) {
	var saying, remedies []string
	for i, e := range all {
		if i == toldAtOnce {
			saying = append(saying, fmt.Sprintf("and there are %d more", len(all)-i))
			break
		}
		saying, remedies = append(saying, e.Says), append(remedies, e.Remedy)
	}
	return strings.Join(saying, "; "), strings.Join(remedies, " ")
}

// path limits a session's names to PostgreSQL's own schema, which comes first unless it
// is listed, and ours, where new objects go. Without pg_temp at the end, temporary
// tables would come before all others.
func (p place) path() string {
	return `SET search_path = ` + pgx.Identifier{p.schema}.Sanitize() + `, pg_temp;`
}

// ourTables are the tables of all schema versions.
var ourTables = []string{
	"arrivals", "askers", "audit", "audit_head", "counting_lock", "freezes", "freezing_lock", "home_tab", "homes", "marks", "notice_places", "notices",
	"places", "replicas", "requests", "rules_in_force", "schema_version", "tallies", "turnstile", "uses", "words",
}

// findSchema returns the first of the schemas in $1 that has our tables. If none has
// them, it returns the first, where they would be created.
const findSchema = `SELECT n.nspname FROM json_array_elements_text($1::json) WITH ORDINALITY AS path (name, place)
	JOIN pg_namespace n ON n.nspname = path.name
	WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
	ORDER BY EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'schema_version') DESC, path.place LIMIT 1`

// othersMay lists what others may do to the schema $1, to our tables in it, named in $2,
// and to the database. It ignores superusers and the database's owner, who may do
// everything anyway.
var othersMay = `WITH
	base AS (SELECT oid, datname, datdba, datacl FROM pg_database WHERE datname = current_database()),
	trusted AS (SELECT oid FROM pg_roles WHERE rolsuper
		OR rolname IN (current_user, session_user, 'pg_database_owner') OR oid = (SELECT datdba FROM base)),
	room AS (SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname = $1),
	mine AS (SELECT c.oid, format('%I.%I', room.nspname, c.relname) AS name, c.relname, c.relacl
		FROM pg_class c JOIN room ON c.relnamespace = room.oid
		WHERE c.relkind IN ('r', 'p') AND c.relname = ANY (string_to_array($2, ','))),
	things AS (
		SELECT 'pg_class'::regclass AS class, oid, relowner AS owner FROM pg_class
			WHERE relnamespace = (SELECT oid FROM room) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
		UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc WHERE pronamespace = (SELECT oid FROM room)
		UNION ALL SELECT 'pg_operator'::regclass, oid, oprowner FROM pg_operator WHERE oprnamespace = (SELECT oid FROM room)
		UNION ALL SELECT 'pg_type'::regclass, oid, typowner FROM pg_type t WHERE typnamespace = (SELECT oid FROM room) AND typcategory <> 'A'
			AND (typrelid = 0 OR (SELECT relkind FROM pg_class WHERE oid = t.typrelid) = 'c')
		UNION ALL SELECT 'pg_opclass'::regclass, oid, opcowner FROM pg_opclass WHERE opcnamespace = (SELECT oid FROM room)
		UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfowner FROM pg_opfamily WHERE opfnamespace = (SELECT oid FROM room)
		UNION ALL SELECT 'pg_collation'::regclass, oid, collowner FROM pg_collation WHERE collnamespace = (SELECT oid FROM room)
		UNION ALL SELECT 'pg_conversion'::regclass, oid, conowner FROM pg_conversion WHERE connamespace = (SELECT oid FROM room)),
	granted AS (
		SELECT name, (aclexplode(relacl)).* FROM mine
		UNION ALL SELECT name, (aclexplode(attacl)).* FROM mine JOIN pg_attribute ON attrelid = mine.oid WHERE attacl IS NOT NULL),
	finding (place, grave, says, sql) AS (
		SELECT 1, true, format('the schema %I belongs to %I', nspname, pg_get_userbyid(nspowner)),
			format('ALTER SCHEMA %I OWNER TO %I;', nspname, current_user)
			FROM room WHERE nspowner NOT IN (SELECT oid FROM trusted)
		UNION ALL SELECT 2, true, format('%s may create objects in the schema %I, and the bot would run their code', r.name, nspname),
			format('REVOKE CREATE ON SCHEMA %I FROM %s;', nspname, r.name)
			FROM room, aclexplode(nspacl) a, ` + grantee + `
			WHERE a.privilege_type = 'CREATE' AND a.grantee <> nspowner AND a.grantee NOT IN (SELECT oid FROM trusted)
		-- An operator goes before its function, and a function before its types.
		UNION ALL SELECT CASE class WHEN 'pg_proc'::regclass THEN 4 WHEN 'pg_type'::regclass THEN 5 ELSE 3 END, true,
			format('the %s %s in the bot''s schema belongs to %I', o.type, o.identity, pg_get_userbyid(owner)),
			CASE WHEN things.oid IN (SELECT oid FROM mine) THEN format('ALTER TABLE %s OWNER TO %I;', o.identity, current_user)
				ELSE format('DROP %s %s;', upper(o.type), o.identity) END
			FROM things, pg_identify_object(class, things.oid, 0) o WHERE owner NOT IN (SELECT oid FROM trusted)
		UNION ALL SELECT 6, true, format('%s may %s in the bot''s tables', r.name, string_agg(DISTINCT a.privilege_type, ', ')),
			format('REVOKE %s ON %s FROM %s;', string_agg(DISTINCT a.privilege_type, ', '), string_agg(DISTINCT a.name, ', '), r.name)
			FROM granted a, ` + grantee + `
			WHERE a.privilege_type <> 'SELECT' AND a.grantee NOT IN (SELECT oid FROM trusted) GROUP BY r.name
		UNION ALL SELECT 7, true, format('whatever table the bot makes next, %s may %s in it', r.name,
			string_agg(DISTINCT a.privilege_type, ', ')),
			format('ALTER DEFAULT PRIVILEGES FOR ROLE %I%s REVOKE %s ON TABLES FROM %s;', current_user,
				CASE WHEN d.defaclnamespace <> 0 THEN format(' IN SCHEMA %I', $1) END, string_agg(DISTINCT a.privilege_type, ', '), r.name)
			FROM pg_default_acl d, aclexplode(d.defaclacl) a, ` + grantee + `
			WHERE d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)
			AND d.defaclobjtype = 'r' AND d.defaclnamespace IN (0, (SELECT oid FROM room))
			AND a.privilege_type <> 'SELECT' AND a.grantee NOT IN (SELECT oid FROM trusted) GROUP BY r.name, d.defaclnamespace
		UNION ALL SELECT 8, true, format('the trigger %I on %s is not the bot''s', tgname, name),
			format('DROP TRIGGER %I ON %s;', tgname, name)
			FROM mine JOIN pg_trigger ON tgrelid = mine.oid
			WHERE NOT tgisinternal AND NOT (relname = 'audit' AND tgname = 'audit_append_only')
		UNION ALL SELECT 9, true, format('the rule %I on %s is not the bot''s', rulename, name), format('DROP RULE %I ON %s;', rulename, name)
			FROM mine JOIN pg_rewrite ON ev_class = mine.oid
		UNION ALL SELECT 10, true, format('the table %s refers to %s and is not the bot''s', conrelid::regclass, name),
			format('ALTER TABLE %s DROP CONSTRAINT %I;', conrelid::regclass, conname)
			FROM mine JOIN pg_constraint ON confrelid = mine.oid WHERE contype = 'f' AND conrelid NOT IN (SELECT oid FROM mine)
		UNION ALL SELECT 11, false, format('everybody with a login on this server has %s in the database',
			string_agg(a.privilege_type, ' and ' ORDER BY a.privilege_type)),
			format('REVOKE ALL ON DATABASE %I FROM PUBLIC;%s', datname,
				CASE WHEN datdba <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
				THEN format(' GRANT CONNECT ON DATABASE %I TO %I;', datname, current_user) END)
			FROM base, aclexplode(coalesce(datacl, acldefault('d', datdba))) a WHERE a.grantee = 0 GROUP BY datname, datdba
		UNION ALL SELECT 12, false, format('%I may do all that the bot''s role %I may', pg_get_userbyid(member), current_user),
			format('REVOKE %I FROM %I;', current_user, pg_get_userbyid(member))
			FROM pg_auth_members WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = current_user) AND member NOT IN (SELECT oid FROM trusted)
		UNION ALL SELECT 13, false, format('%I may write to every table of this server', pg_get_userbyid(member)),
			format('REVOKE pg_write_all_data FROM %I;', pg_get_userbyid(member))
			FROM pg_auth_members WHERE roleid = (SELECT oid FROM pg_roles WHERE rolname = 'pg_write_all_data')
			AND member NOT IN (SELECT oid FROM trusted))
	SELECT grave, says, sql FROM finding ORDER BY place, says`

// grantee names the role in a row of aclexplode; 0 is everybody.
const grantee = `LATERAL (SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS name) r`

// tryPlace is found with retries while the database starts. It refuses an unsafe one.
func tryPlace(ctx context.Context, config *pgx.ConnConfig) (at place, err error) {
	err = tried(ctx, openWait, (&postgresEngine{}).again, func() (err error) { at, err = found(ctx, config); return err })
	if err == nil {
		err = at.refusal()
	}
	return at, err
}
