/**
 * The people who can log in.
 */
import type { Database } from './database/database.js';
import { SCHEMA_NAME as shop } from './database/schema.js';
import { isPasswordRight } from './passwords.js';

/** Someone with an account. */
export interface Customer {
  readonly id: number;
  readonly email: string;
  readonly name: string;
}

/** The customer with that e-mail address and password, or `undefined`; both cases take the same time. */
export async function findCustomer(database: Database, email: string, password: string): Promise<Customer | undefined> {
  const [row] = await database.query<Customer & { passwordHash: string }>(
    `SELECT id, email, name, password_hash AS "passwordHash" FROM ${shop}.customers WHERE email = $1`,
    [email.toLowerCase()],
  );
  const isRight = await isPasswordRight(password, row?.passwordHash);
  return row !== undefined && isRight ? { id: row.id, email: row.email, name: row.name } : undefined;
}

/** The customer with that id, or `undefined`. */
export async function findCustomerById(database: Database, id: number): Promise<Customer | undefined> {
  const [customer] = await database.query<Customer>(`SELECT id, email, name FROM ${shop}.customers WHERE id = $1`, [
    id,
  ]);
  return customer;
}
