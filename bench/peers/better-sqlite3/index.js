// mem0ai takes the class as the default export.
export { Database as default } from './database.ts'
