// Two flags that threads share, for the library: Swift for boards has no module for them that board modules may import.

#ifndef MARTLET_LIBRARY_FLAGS_H
#define MARTLET_LIBRARY_FLAGS_H

#include <stdbool.h>

#include "martlet.h"

typedef struct martlet_flags martlet_flags;

/// Flags, both down; NULL where there is no memory.
martlet_flags *MARTLET_OPTIONAL martlet_flags_create(void);
void martlet_flags_destroy(martlet_flags *MARTLET_GIVEN flags);

/// Raises the flag of the running call and lowers that of cancelling; false where a call is running already.
bool martlet_flags_enter(martlet_flags *MARTLET_GIVEN flags);
void martlet_flags_leave(martlet_flags *MARTLET_GIVEN flags);

void martlet_flags_cancel(martlet_flags *MARTLET_GIVEN flags);
bool martlet_flags_cancelled(const martlet_flags *MARTLET_GIVEN flags);

#endif
