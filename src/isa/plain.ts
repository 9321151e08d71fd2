/** All rows but those of AVX. The build puts the same table here, worked out (scripts/ready.mjs). */
import { rows } from "./forms/index.ts";
import { type RowTable, tableOf } from "./table.ts";

export const plain: RowTable = tableOf(rows);
