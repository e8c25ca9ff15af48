/** Tables and views as they are exported: their columns with types and comments, as the database itself has them. */

import type { Client } from "pg";
import type { ColumnType, ParquetColumn } from "../parquet";

export interface Relation {
	name: string;
	/** Its comment. */
	description: string;
	columns: RelationColumn[];
}

export interface RelationColumn extends ParquetColumn {
	/** The column's comment. */
	description: string;
	/** Its value as COPY writes it for Parquet: a list as JSON, a number of any size as a double. */
	copied: string;
}

/** A view's columns may be empty, as far as PostgreSQL tells; $2 is the table whose columns it passes on. */
const LIST_COLUMNS = `
	select attribute.attname as name, format_type(attribute.atttypid, null) as type,
		not coalesce(base.attnotnull, false) as "isNullable",
		coalesce(col_description(attribute.attrelid, attribute.attnum), '') as description
	from pg_attribute as attribute
		left join pg_attribute as base on base.attrelid = $2::regclass and base.attname = attribute.attname
	where attribute.attrelid = $1::regclass and attribute.attnum > 0 and not attribute.attisdropped
	order by attribute.attnum`;
const DESCRIBE_RELATION = "select coalesce(obj_description($1::regclass, 'pg_class'), '') as description";

const TYPES: Record<string, ColumnType> = {
	bigint: "bigint",
	integer: "integer",
	smallint: "smallint",
	"double precision": "double",
	numeric: "double",
	boolean: "boolean",
	text: "text",
	"character varying": "text",
	character: "text",
	jsonb: "text",
	"text[]": "list",
	"timestamp with time zone": "timestamp",
};

/**
 * Describes a relation of the session's schema.
 * @param base the table whose columns a view passes on
 * @throws where a column's type is none of those that the export knows
 */
export async function describeRelation(client: Client, name: string, base = name): Promise<Relation> {
	const { rows } = await client.query<RelationColumn & { type: string }>(LIST_COLUMNS, [name, base]);
	const [about] = (await client.query<{ description: string }>(DESCRIBE_RELATION, [name])).rows;
	return {
		name,
		description: about!.description,
		columns: rows.map((column) => {
			const type = TYPES[column.type];
			if (!type) throw new Error(`${name}.${column.name} is of the type ${column.type}, which no file can hold.`);
			return { ...column, type, copied: copiedAs(column.name, type, column.type) };
		}),
	};
}

function copiedAs(name: string, type: ColumnType, sqlType: string): string {
	if (type === "list") return `to_json(${name})`;
	return sqlType === "numeric" ? `${name}::double precision` : name;
}
