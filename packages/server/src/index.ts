export { createServer } from './create-server.js';
export { ListenError, ServerOptionError, ShutdownError } from './errors.js';
export type { ShutdownEvent } from './events.js';
export { gracefulShutdown, type Shutdown, type ShutdownReport } from './graceful-shutdown.js';
export { listen, type Service } from './listen.js';
export { messageClasses, type MessageClasses } from './message-classes.js';
export type { CreateServerOptions, ListenOptions, ShutdownOptions } from './options.js';
