/** Started by tests as a process of its own: fetches into the directory given, and prints what it got. */
import { fetchDebianPackage } from '../../src/debian-package.js';

process.stdout.write(JSON.stringify(await fetchDebianPackage(process.argv[2] ?? '')));
